"""Chunks as rows: what exceeds a limit is told by its field before anything is written."""

from array import array
from collections.abc import Callable
from typing import Any

import pytest

from rag.adapters.milvus_rows import MAX_VARCHAR, OUTPUT_FIELDS, Row, batches, chunk, ranked, row
from rag.adapters.scores import bm25, cosine
from rag.errors import IndexUnavailable, InvalidRequest, MalformedResponse
from rag.models import Chunk, IndexedChunk


def indexed(dimensions: int = 2, **fields: Any) -> IndexedChunk:
    given: dict[str, Any] = {
        "chunk_id": "0" * 32,
        "document_id": "doc",
        "version": "v1",
        "ordinal": 0,
        "title": "Title",
        "source": "file.md",
        "text": "Text.",
        "tokens": 2,
        "start": 0,
        "end": 5,
    }
    return IndexedChunk(Chunk(**given | fields), array("f", [1.0] * dimensions))


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"page": 0, "heading": "A > B", "groups": ("hr", "board")},
        {"metadata": {"a": "x", "b": 1, "c": 0.5, "d": True, "text": "not the text", "with:colon": "kept"}},
    ],
)
def test_a_chunk_comes_back_from_its_row(fields: dict[str, Any]) -> None:
    given = indexed(**fields)

    assert chunk(row("acme", given, 2)) == given.chunk


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"chunk_id": "0" * 33}, "id"),
        ({"document_id": "é" * 513}, "document_id"),
        ({"version": "v" * 129}, "version"),
        ({"title": "t" * 4_097}, "title"),
        ({"source": "s" * 4_097}, "source"),
        ({"heading": "h" * 4_097}, "heading"),
        ({"text": "é" * 32_768}, "text"),
        ({"metadata": {"a": "x" * MAX_VARCHAR}}, "metadata"),
        ({"metadata": {"a": "\ud800"}}, "metadata"),
        ({"title": "\ud800"}, "title"),
        ({"groups": tuple(f"g{number}" for number in range(65))}, "groups"),
        ({"document_id": "line\nbreak"}, "ids"),
    ],
)
def test_what_exceeds_a_limit_is_told_by_its_field(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"\b{named}\b"):
        row("acme", indexed(**fields), 2)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53 + 1, -(2**53) - 1, 10**400])
def test_numbers_that_no_store_keeps_are_refused(value: float) -> None:
    with pytest.raises(InvalidRequest):
        row("acme", indexed(metadata={"a": value}), 2)


def test_a_vector_of_other_dimensions_is_refused() -> None:
    with pytest.raises(IndexUnavailable):
        row("acme", indexed(dimensions=3), 2)


def test_the_lexical_text_is_the_words_of_the_title_twice_the_heading_and_the_text() -> None:
    held = row("acme", indexed(title="Claims", heading="A > B", text="Is filed."), 2)["search_text"]

    assert held == "claim claim b file"


def test_the_lexical_text_ends_at_its_limit_on_a_whole_character() -> None:
    text = row("acme", indexed(title="", text="x" + "é" * 32_767, heading="h"), 2)["search_text"]

    assert len(text.encode()) in (MAX_VARCHAR - 1, MAX_VARCHAR)
    assert text.startswith("h xé")


def test_batches_hold_at_most_five_hundred_rows_and_keep_their_order() -> None:
    rows: list[Row] = [{"id": str(number), "vector": [0.0]} for number in range(1_001)]

    cut = list(batches(rows))

    assert [len(batch) for batch in cut] == [500, 500, 1]
    assert [held for batch in cut for held in batch] == rows


def test_batches_hold_at_most_four_megabytes() -> None:
    rows: list[Row] = [{"id": str(number), "vector": [0.0] * 250_000, "text": "é" * 250_000} for number in range(5)]

    assert [len(batch) for batch in batches(rows)] == [2, 2, 1]


def test_no_rows_make_no_batch() -> None:
    assert list(batches([])) == []


@pytest.mark.parametrize("entity", [{}, {"id": "x"}, row("acme", indexed(), 2) | {"meta": None}])
def test_a_row_that_is_no_chunk_is_told_as_such(entity: dict[str, Any]) -> None:
    with pytest.raises(MalformedResponse):
        chunk(entity)


def hit(name: str, distance: float) -> dict[str, Any]:
    """Return a hit as Milvus gives it."""
    entity = row("acme", indexed(chunk_id=name), 2)
    return {"id": name, "distance": distance, "entity": {field: entity[field] for field in OUTPUT_FIELDS}}


@pytest.mark.parametrize("sign", [1, -1])
def test_lexical_hits_are_ranked_by_bm25_whichever_sign_it_has(sign: int) -> None:
    hits = [hit("c", sign * 2.0), hit("b", sign * 7.5), hit("a", sign * 2.0)]

    assert [(found.chunk.chunk_id, found.score) for found in ranked(hits, bm25)] == [("b", 7.5), ("a", 2), ("c", 2)]


@pytest.mark.parametrize("scale", [cosine, bm25])
@pytest.mark.parametrize("distance", [float("nan"), float("inf"), float("-inf")])
def test_a_distance_that_is_no_finite_number_is_malformed(scale: Callable[[float], float], distance: float) -> None:
    with pytest.raises(MalformedResponse):
        ranked([hit("a", 0.5), hit("b", distance)], scale)


def test_a_hit_that_is_no_chunk_is_malformed() -> None:
    with pytest.raises(MalformedResponse):
        ranked([{"id": "a", "distance": 0.5, "entity": {"text": "x"}}], cosine)
