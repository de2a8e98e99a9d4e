"""Chunks are exact slices, small enough, and leave nothing out, whatever the text."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.chunking import Chunker
from rag.documents.document import Document
from rag.errors import InvalidRequest
from rag.models import Chunk
from rag.tokens import count_tokens

MARKUP = st.sampled_from(
    ["# ", "## ", "\n", "\n\n", "- ", "| a | b |\n", "|---|---|\n", "```\n", "<|endoftext|>", "word ", '"*_`[<']
)
TEXTS = st.one_of(st.text(max_size=400), st.lists(st.one_of(MARKUP, st.text(max_size=20)), max_size=120).map("".join))
HANDBOOK = Document("travel.md", "Travel", "travel.md", "# Travel\n\nIntro.\n\n## Trains\n\n" + "Go by train. " * 200)


def split(document: Document, size: int = 300, overlap: int = 50) -> list[Chunk]:
    [chunks] = Chunker(size, overlap).split("acme", [document])
    return chunks


def split_text(text: str, size: int = 300, overlap: int = 50) -> list[Chunk]:
    return split(Document("d", "", "d", text), size, overlap)


@settings(deadline=None)
@given(TEXTS, st.sampled_from([(16, 0), (16, 8), (40, 10), (300, 50)]))
@example("0:0:0:0:;0\u2039e0\U00010000", (16, 0))
@example('[["~<>"]]' * 40, (16, 8))
@example("e\u2019|a|  \r  \u2019e\u2019  \u2019  |a|\ra|  e", (16, 8))  # even what the splitter is shown makes it panic
@example("a" + "\u3000\u202f" * 60 + "b", (16, 8))
@example("\xa0\n\n\xa0\u2019\n\n\u202f0:\u20ac\xa0\xa0\u20ac\U00010000#", (16, 8))  # the splitter alone panics at it
def test_chunks_are_slices_within_their_size_that_cover_the_text(text: str, sizes: tuple[int, int]) -> None:
    chunks = split_text(text, *sizes)

    covered = set[int]()
    for chunk in chunks:
        assert chunk.text == text[chunk.start : chunk.end]
        assert chunk.text.strip()
        assert chunk.tokens == count_tokens(chunk.text) <= sizes[0]
        covered.update(range(chunk.start, chunk.end))
    assert all(position in covered for position, character in enumerate(text) if not character.isspace())


@settings(deadline=None)
@given(TEXTS)
def test_the_same_document_makes_the_same_chunks(text: str) -> None:
    assert split_text(text) == split_text(text)


def test_chunks_are_numbered_and_carry_what_their_document_says() -> None:
    document = replace(HANDBOOK, groups=("hr",), metadata={"year": 2026})

    chunks = split(document)

    assert [chunk.ordinal for chunk in chunks] == list(range(len(chunks)))
    assert len({chunk.chunk_id for chunk in chunks}) == len(chunks) > 1
    for chunk in chunks:
        assert (chunk.document_id, chunk.title, chunk.source) == ("travel.md", "Travel", "travel.md")
        assert (chunk.groups, chunk.metadata, chunk.page) == (("hr",), {"year": 2026}, None)


def test_neighbours_overlap() -> None:
    chunks = split(HANDBOOK)[1:]

    assert all(after.start < before.end for before, after in pairwise(chunks))


def test_a_heading_stays_with_the_text_below_it() -> None:
    table = "| item | price |\n|---|---|\n" + "".join(f"| item {n} | EUR {n} |\n" for n in range(100))

    chunks = split_text(f"# Prices\n\nShort.\n\n## Parts\n\n{table}")

    assert [chunk for chunk in chunks if chunk.text.startswith("## Parts\n\n| item | price |")]


def test_a_table_is_cut_between_rows_only() -> None:
    rows = [f"row {n} | costs EUR {n} | and is sold. In pieces" for n in range(200)]

    for chunk in split_text("\n".join(rows)):
        assert set(chunk.text.split("\n")) <= set(rows)


def test_each_chunk_knows_the_headings_above_it() -> None:
    assert {chunk.heading for chunk in split(HANDBOOK)} == {"", "Travel", "Travel > Trains"}


def test_any_change_of_what_chunks_are_made_of_is_another_version() -> None:
    changes = [
        {},
        {"title": "Trips"},
        {"source": "other"},
        {"groups": ("hr",)},
        {"metadata": {"year": 2026}},
        {"text": HANDBOOK.text + "."},
    ]
    versions = {split(replace(HANDBOOK, **change))[0].version for change in changes}  # type: ignore[arg-type]
    versions.add(split(HANDBOOK, size=200)[0].version)

    assert len(versions) == len(changes) + 1
    assert all(len(version) == 32 for version in versions)


def test_tenants_share_no_chunk_id() -> None:
    chunker = Chunker()

    [acme], [globex] = chunker.split("acme", [HANDBOOK]), chunker.split("globex", [HANDBOOK])

    assert not {chunk.chunk_id for chunk in acme} & {chunk.chunk_id for chunk in globex}


@pytest.mark.parametrize(("size", "overlap"), [(15, 0), (100, 51), (100, -1)])
def test_sizes_that_make_no_sense_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(InvalidRequest):
        Chunker(size, overlap)


def test_what_looks_like_a_special_token_is_text() -> None:
    assert count_tokens("<|endoftext|>") > 1
