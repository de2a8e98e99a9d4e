"""Pieces are exact slices, small enough, and leave nothing out, whatever the text; each lies on its page."""

from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.chunking import Chunker, Piece
from rag.errors import InvalidRequest
from rag.tokens import count_tokens

MARKUP = st.sampled_from(
    [
        "# ",
        "## ",
        "\n",
        "\n\n",
        "- ",
        "| a | b |\n",
        "|---|---|\n",
        "```\n",
        "<|endoftext|>",
        "word ",
        "End. ",
        '"*_`[<',
    ]
)
TEXTS = st.one_of(st.text(max_size=400), st.lists(st.one_of(MARKUP, st.text(max_size=20)), max_size=120).map("".join))
HANDBOOK = "# Travel\n\n" + "Ask before you go. " * 30 + "\n\n## Trains\n\n" + "Go by train. " * 200


def cut(text: str, size: int = 200, overlap: int = 40, pages: tuple[int, ...] = ()) -> list[Piece]:
    [pieces] = Chunker(size, overlap).pieces([text], [pages])
    return pieces


def slices(text: str, size: int = 200, overlap: int = 40) -> list[str]:
    return [text[piece.start : piece.end] for piece in cut(text, size, overlap)]


def paragraphs(number: int) -> list[str]:
    return [
        f"Rule {rule} of the handbook. "
        + " ".join(f"In case {rule}.{case} ask desk {rule * case % 97}." for case in range(10))
        for rule in range(number)
    ]


@given(TEXTS, st.sampled_from([(16, 0), (16, 8), (40, 10), (300, 50)]), st.sets(st.integers(0, 400)))
@example("a" + "\u3000\u202f" * 60 + "b", (16, 8), set())
@example("x" * 5_000, (40, 10), set())
@example("\U00010000" * 300, (16, 8), {150})
@example("# A\n\n## B\n\ntext", (16, 0), {5})
def test_pieces_are_slices_within_their_size_that_cover_the_text(
    text: str, sizes: tuple[int, int], pages: set[int]
) -> None:
    starts = sorted({0, *(page for page in pages if page < len(text))})
    pieces = cut(text, *sizes, pages=tuple(starts))

    covered = set[int]()
    for piece in pieces:
        content = text[piece.start : piece.end]
        assert content == content.strip() != ""
        assert piece.tokens == count_tokens(content) <= sizes[0]
        assert piece.page == sum(start <= piece.start for start in starts)
        assert piece.page == sum(start < piece.end for start in starts), "a piece ends on the page that it starts on"
        covered.update(range(piece.start, piece.end))
    assert all(position in covered for position, character in enumerate(text) if not character.isspace())


def test_a_text_without_pages_has_pieces_without_a_page() -> None:
    assert {piece.page for piece in cut(HANDBOOK)} == {None}


def test_neighbours_overlap_except_at_a_heading() -> None:
    pieces = cut(HANDBOOK)

    assert all(
        after.start < before.end or HANDBOOK.startswith("## Trains", after.start) for before, after in pairwise(pieces)
    )
    assert any(HANDBOOK.startswith("## Trains", piece.start) for piece in pieces)


def test_sentences_stay_whole() -> None:
    text = " ".join(paragraphs(8))

    assert all(content.startswith(("Rule", "In case")) and content.endswith(".") for content in slices(text))


def test_an_abbreviation_ends_no_sentence() -> None:
    text = "As Fig. 3 shows, Dr. A. Jones agreed, e.g. Monday. " * 40

    assert all(content.startswith("As Fig. 3") for content in slices(text))


def test_a_heading_stays_with_the_text_below_it() -> None:
    table = "| item | price |\n|---|---|\n" + "".join(f"| item {n} | EUR {n} |\n" for n in range(100))

    contents = slices(f"# Prices\n\nShort.\n\n## Parts\n\n{table}")

    assert any("## Parts\n\n| item | price |\n|---|---|\n| item 0 |" in content for content in contents)


def test_a_table_is_cut_between_rows_only_and_keeps_its_head_in_sight() -> None:
    rows = [f"| row {n} | costs EUR {n} and is sold. In pieces |" for n in range(200)]
    text = "# Prices\n\n| row | price |\n|---|---|\n" + "\n".join(rows)

    first, *others = cut(text)

    assert first.heading == ""
    assert {piece.heading for piece in others} == {"Prices > row | price"}
    for piece in others:
        assert set(text[piece.start : piece.end].split("\n")) <= set(rows)


def test_each_piece_knows_the_headings_above_it() -> None:
    assert {piece.heading for piece in cut(HANDBOOK)} == {"", "Travel", "Travel > Trains"}


def test_a_changed_paragraph_changes_few_pieces_of_a_long_text() -> None:
    rules = paragraphs(120)
    before = set(slices("\n\n".join(rules)))
    changes = []
    for number in range(5, 115, 2):
        changed = [
            *rules[:number],
            rules[number] + " Since May, ask twice. And wait for an answer.",
            *rules[number + 1 :],
        ]
        changes.append(len(set(slices("\n\n".join(changed))) - before))

    assert len(before) > 100
    assert max(changes) <= 3


@pytest.mark.parametrize(("size", "overlap"), [(15, 0), (100, 51), (100, -1)])
def test_sizes_that_make_no_sense_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(InvalidRequest):
        Chunker(size, overlap)


def test_what_looks_like_a_special_token_is_text() -> None:
    assert count_tokens("<|endoftext|>") > 1
