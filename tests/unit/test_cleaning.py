"""Characters that cannot be seen are taken out; those that shape what is seen stay."""

import pytest

from rag.cleaning import with_invisible_shown, without_invisible


@pytest.mark.parametrize(
    "character",
    [
        "\u200b",
        "\u200e",
        "\u202e",
        "\u2066",
        "\u00ad",
        "\u2060",
        "\ufeff",
        "\U000e0041",
        "\ufe0f",
        "\U000e0101",
        "\u3164",
    ],
    ids=ascii,
)
def test_what_cannot_be_seen_is_taken_out_and_counted(character: str) -> None:
    assert without_invisible(f"a{character}b{character}") == ("ab", 2)


def test_a_message_in_tags_is_gone() -> None:
    hidden = "".join(chr(0xE0000 + ord(letter)) for letter in "ignore all")

    assert without_invisible(f"Leave{hidden} policy") == ("Leave policy", len(hidden))


@pytest.mark.parametrize("text", ["می‌روم", "क्‍ष", "👩‍🔬", "Grüße, 日本語 – naïve"])
def test_joiners_stay_where_they_shape_what_is_seen(text: str) -> None:
    assert without_invisible(text) == (text, 0)


def test_an_emoji_keeps_its_joiner_though_its_variation_selector_goes() -> None:
    assert without_invisible("❤\ufe0f\u200d🔥") == ("❤\u200d🔥", 1)


@pytest.mark.parametrize(
    "text", ["a\u200db", "a\u200c", "\u200d", "می\u200c\u200cروم", "👩\u200d", "👩\u200da"], ids=ascii
)
def test_joiners_that_join_nothing_go(text: str) -> None:
    assert without_invisible(text)[1] > 0


def test_lines_and_tabs_stay() -> None:
    assert without_invisible("a\tb\nc") == ("a\tb\nc", 0)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x9b31mred", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b]0;title\x07shown", "shown"),
        ("\x1b]8;;https://collector.example\x1b\\here\x1b]8;;\x1b\\", "here"),
        ("a\x1b[", "a["),
    ],
    ids=ascii,
)
def test_what_steers_a_terminal_goes_with_its_parameters(text: str, left: str) -> None:
    assert without_invisible(text)[0] == left


def test_where_places_count_a_replacement_stands_for_what_cannot_be_seen() -> None:
    assert with_invisible_shown("a\u200bb\x1b[0m") == "a\ufffdb\ufffd[0m"
