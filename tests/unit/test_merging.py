"""Joined neighbours read as the document does, on one page, within their budget, and keep the best one's place."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.merging import merged
from rag.models import Candidate, Chunk

DOCUMENT = "One two three. Four five six! Seven; eight: nine, ten — eleven? Zwölf 十三 😀 fourteen."


def candidate(start: int, end: int, score: float = 0.5, document: str = DOCUMENT, **fields: Any) -> Candidate:
    text = document[start:end]
    chunk = Chunk(f"{start:04}-{end:04}", "d", "v", 0, "T", "s", text, max(1, len(text) // 4), start, end)
    return Candidate(replace(chunk, **fields), score)


def spans(candidates: list[Candidate]) -> list[tuple[int, int]]:
    return [(one.chunk.start, one.chunk.end) for one in candidates]


def test_overlapping_passages_become_one_with_the_best_ones_key_and_score() -> None:
    best, neighbour = candidate(10, 30, 0.9), candidate(0, 15, 0.4)
    (joined,) = merged([best, neighbour], 100)
    assert (joined.chunk.chunk_id, joined.score) == (best.chunk.chunk_id, 0.9)
    assert (joined.chunk.text, joined.chunk.start, joined.chunk.end) == (DOCUMENT[:30], 0, 30)


def test_passages_that_touch_are_joined_and_those_apart_are_not() -> None:
    assert spans(merged([candidate(0, 10), candidate(10, 20), candidate(21, 30)], 100)) == [(0, 20), (21, 30)]


def test_what_lies_within_another_one_adds_nothing() -> None:
    (joined,) = merged([candidate(0, 30), candidate(5, 20, 0.9)], 100)
    assert (joined.chunk.start, joined.chunk.end, joined.chunk.text) == (0, 30, DOCUMENT[:30])


def test_a_joined_passage_counts_tokens_once() -> None:
    (joined,) = merged([candidate(0, 20, tokens=20), candidate(10, 30, tokens=20)], 100)
    assert joined.chunk.tokens == 30


def test_the_budget_ends_a_passage() -> None:
    parts = [candidate(start, start + 10, tokens=10) for start in (0, 10, 20, 30)]
    assert spans(merged(parts, 20)) == [(0, 20), (20, 40)]


def test_without_a_budget_nothing_is_joined() -> None:
    parts = [candidate(0, 20), candidate(10, 30)]
    assert merged(parts, 0) == parts


def test_the_place_in_the_ranking_is_that_of_the_best_part() -> None:
    other = candidate(60, 70, 0.8)
    assert spans(merged([candidate(10, 20, 0.9), other, candidate(0, 12, 0.1)], 100)) == [(0, 20), (60, 70)]
    assert spans(merged([other, candidate(10, 20, 0.5), candidate(0, 12, 0.1)], 100)) == [(60, 70), (0, 20)]


@pytest.mark.parametrize(
    "fields",
    [{"document_id": "other"}, {"version": "w"}, {"page": 2}, {"text": "x" * 20}, {"text": DOCUMENT[10:29]}],
    ids=["another document", "another version", "another page", "another text", "offsets that do not fit"],
)
def test_what_does_not_belong_together_stays_apart(fields: dict[str, Any]) -> None:
    parts = [candidate(0, 20), candidate(10, 30, **fields)]
    assert merged(parts, 100) == parts


SPAN = st.tuples(st.integers(0, len(DOCUMENT)), st.integers(0, len(DOCUMENT))).map(lambda ends: (min(ends), max(ends)))


@given(st.lists(SPAN, max_size=12, unique=True), st.integers(0, 60))
def test_every_passage_is_the_documents_text_and_nothing_is_lost(places: list[tuple[int, int]], budget: int) -> None:
    parts = [candidate(start, end, 1 - number / 20) for number, (start, end) in enumerate(places)]
    joined = merged(parts, budget)
    for one in joined:
        assert one.chunk.text == DOCUMENT[one.chunk.start : one.chunk.end]
        assert one.chunk.chunk_id in {part.chunk.chunk_id for part in parts}
    for part in parts:
        assert any(one.chunk.start <= part.chunk.start and part.chunk.end <= one.chunk.end for one in joined)
    assert [one.score for one in joined] == sorted((one.score for one in joined), reverse=True)
