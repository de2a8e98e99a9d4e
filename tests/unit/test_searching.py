"""The search state: threshold, byte bound, and what reaches the store."""

from array import array
from typing import Any

import msgspec
import pytest

from rag import vectors
from rag.contracts import MAX_PASSAGES_BYTES, QueryRequest, SearchRequest
from rag.errors import InvalidRequest
from rag.filters import Clause, Filter
from rag.models import Chunk, Principal, ScoredChunk
from rag.searching import SearchVectors


class FixedResults:
    """A store that finds what it was given, and remembers what it was asked."""

    def __init__(self, *found: ScoredChunk) -> None:
        self._found = found
        self.asked: list[tuple[Principal, int, Filter | None]] = []

    def search(self, vector: Any, principal: Principal, top_k: int, where: Filter | None) -> list[ScoredChunk]:
        self.asked.append((principal, top_k, where))
        return list(self._found)


def found(score: float, text: str = "text") -> ScoredChunk:
    return ScoredChunk(Chunk("c", "d", "v", 0, "T", "s", text, 1, 0, len(text)), score)


def request(vector: str | None = None, **fields: Any) -> SearchRequest:
    defaults: dict[str, Any] = {
        "query": "q", "top_k": 5, "tenant": "acme", "groups": ["a"], "filter": None, "mode": "dense",
    }  # fmt: skip
    encoded = vectors.encode(array("f", [1, 0])) if vector is None else vector
    return SearchRequest(request=QueryRequest(**(defaults | fields)), vector=encoded, trace_id="t")


def test_passages_below_the_threshold_are_left_out() -> None:
    response = SearchVectors(FixedResults(found(0.9), found(0.5), found(0.49)), 2, 0.5)(request())
    assert response.relevant
    assert [passage.score for passage in response.passages] == [0.9, 0.5]


def test_nothing_above_the_threshold_is_nothing_relevant() -> None:
    response = SearchVectors(FixedResults(found(0.1)), 2, 0.5)(request())
    assert (response.relevant, response.passages) == (False, [])


def test_the_store_is_asked_for_the_principal_and_the_filter() -> None:
    store = FixedResults()
    SearchVectors(store, 2, 0.5)(request(filter={"year": 2024}, top_k=7))
    assert store.asked == [(Principal("acme", ("a",)), 7, Clause("year", "$eq", 2024))]


def test_passages_stay_within_their_bytes() -> None:
    store = FixedResults(*(found(0.9, "€" * 10_000) for _ in range(100)))
    response = SearchVectors(store, 2, 0.5)(request())
    assert len(response.passages) == 5  # of 30 KB each
    assert len(msgspec.json.encode(response.passages)) <= MAX_PASSAGES_BYTES


def test_a_passage_that_does_not_fit_leaves_its_place_to_smaller_ones() -> None:
    store = FixedResults(found(0.9, "x" * 200_000), found(0.8, "small"))
    response = SearchVectors(store, 2, 0.5)(request())
    assert [passage.text for passage in response.passages] == ["small"]


def test_nothing_that_fits_is_nothing_relevant() -> None:
    response = SearchVectors(FixedResults(found(0.9, "x" * 200_000)), 2, 0.5)(request())
    assert (response.relevant, response.passages) == (False, [])


@pytest.mark.parametrize("vector", ["", "AAAA", vectors.encode(array("f", [1, 0, 0]))])
def test_a_bad_vector_is_refused_before_the_store_is_asked(vector: str) -> None:
    store = FixedResults()
    with pytest.raises(InvalidRequest, match="vector"):
        SearchVectors(store, 2, 0.5)(request(vector))
    assert store.asked == []
