import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.sentences import Sentence, sentences


def texts(passage: str) -> list[str]:
    return [sentence.text for sentence in sentences(passage)]


def the(part: str, passage: str) -> Sentence:
    """Return the one sentence of the passage that holds the part."""
    [sentence] = [sentence for sentence in sentences(passage) if part in sentence.text]
    return sentence


@pytest.mark.parametrize(
    "sentence",
    [
        "The cable weighs 6.5 kg per 100 m.",
        "Dr. J. Smith left the U.S. office on Jan. 3, 2026.",
        "Some parts, e.g. Cables and clamps, are not covered.",
        "She asked: what now? and went home.",
        "Version 3.0.4 is needed!",
    ],
)
def test_a_full_stop_inside_a_sentence_does_not_end_it(sentence: str) -> None:
    assert texts(f"Before it. {sentence} After it.") == ["Before it.", sentence, "After it."]


def test_a_closing_quote_belongs_to_its_sentence() -> None:
    assert texts('He said "It is done." Then he left.') == ['He said "It is done."', "Then he left."]


def test_a_wrapped_paragraph_is_read_across_its_lines() -> None:
    assert texts("The first sentence goes\nover two lines. The second\ndoes too.") == [
        "The first sentence goes\nover two lines.",
        "The second\ndoes too.",
    ]


def test_each_list_item_is_quoted_without_its_bullet_and_led_by_the_line_before_the_list() -> None:
    passage = "We replace:\n\n- the battery;\n- the cap. It is free.\n1. the cable\n"

    assert texts(passage)[1:] == ["the battery;", "the cap.", "It is free.", "the cable"]
    assert the("cable", passage).lead == "We replace:"
    assert the("free", passage).lead == "We replace:\nthe cap."


def test_a_table_row_is_quoted_as_it_stands_and_led_by_the_header() -> None:
    passage = "| City | Rate |\n|------|-----:|\n| Oslo | 61 EUR |\n| Rome | 40 EUR |\n"

    assert texts(passage) == ["Oslo | 61 EUR", "Rome | 40 EUR"]
    assert "Rate" in the("Rome", passage).lead


def test_rows_of_a_table_whose_header_was_cut_off_can_be_quoted() -> None:
    assert texts("| Oslo | 61 EUR |\n| Rome | 40 EUR |") == ["Oslo | 61 EUR", "Rome | 40 EUR"]


@pytest.mark.parametrize(
    "heading", ["## Per diem", "## Per diem ##", "Per diem\n--------", "Per diem\n========", "2. PER DIEM"]
)
def test_a_heading_is_context_and_no_quote(heading: str) -> None:
    passage = f"{heading}\n\nIt is 52 EUR."

    assert texts(passage) == ["It is 52 EUR."]
    assert "per diem" in the("52", passage).headings.lower()


def test_a_section_ends_the_sections_of_its_level_and_below() -> None:
    passage = "# Policy\n## Trips\n### Food\nOne.\n## Leave\nTwo.\n"

    assert the("One", passage).headings == "Policy\nTrips\nFood"
    assert the("Two", passage).headings == "Policy\nLeave"


def test_each_line_of_code_is_quoted_whole() -> None:
    assert texts("Run:\n\n```sh\ncd app. Now\n# not a heading\n```\nDone.") == [
        "Run:",
        "cd app. Now",
        "# not a heading",
        "Done.",
    ]


@pytest.mark.parametrize("marker", ["[2]", "[1, 2]", "[ 7 ]", "【3】"])
def test_no_quote_holds_what_reads_like_a_citation_marker(marker: str) -> None:
    assert texts(f"The rate is 52 EUR {marker} since May.") == ["The rate is 52 EUR", "since May."]


MARKDOWN = st.lists(
    st.sampled_from(
        ["# ", "- ", "1. ", "| a | b |", "|---|---|", "```", "===", "---", "\n", " ", ". ", "e.g. ", "[1]", ">"]
    )
    | st.text(max_size=8),
    max_size=40,
).map("".join)


@given(MARKDOWN)
def test_every_quote_stands_in_the_passage_where_it_says(passage: str) -> None:
    for sentence in sentences(passage):
        assert passage[sentence.start :].startswith(sentence.text)
        assert sentence.text.strip() == sentence.text != ""


@given(MARKDOWN)
def test_quotes_follow_each_other_and_do_not_overlap(passage: str) -> None:
    end = 0
    for sentence in sentences(passage):
        assert sentence.start >= end
        end = sentence.start + len(sentence.text)
