"""The search state: what the registry lets through, threshold, byte bound, and what reaches the store."""

from array import array
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pytest

from rag import vectors
from rag.contracts import MAX_PASSAGES_BYTES, QueryRequest, SearchRequest, SearchResponse
from rag.errors import InvalidRequest, TransientError, UpstreamRejected, UpstreamUnavailable
from rag.filters import Clause, Filter
from rag.index_pointer import IndexTarget
from rag.models import EVERYONE, Chunk, Principal, ScoredChunk
from rag.ports import LiveDocuments, PassageSearch
from rag.registration import LiveVersion
from rag.searching import SearchVectors

TARGET = IndexTarget(model="m", dimensions=2)


class FixedResults:
    """A store that finds what it was given, and remembers what it was asked."""

    def __init__(self, *found: ScoredChunk, most: int = 1_000_000) -> None:
        self._found = found
        self._most = most
        self.asked: list[tuple[Principal, int, Filter | None]] = []

    def search(self, vector: Any, principal: Principal, top_k: int, where: Filter | None) -> list[ScoredChunk]:
        self.asked.append((principal, top_k, where))
        if top_k > self._most:
            raise UpstreamRejected("The result would be too large.")
        return list(self._found[:top_k])

    @property
    def counts(self) -> list[int]:
        """How many it was asked for, each time."""
        return [count for _, count, _ in self.asked]


class Live:
    """A registry whose documents are all live in one version, but for those that are named otherwise."""

    def __init__(self, version: str = "v", **others: LiveVersion | None) -> None:
        self._version = LiveVersion(version, (EVERYONE,))
        self._others = others
        self.looked_up: list[str] = []

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:
        self.looked_up += document_ids
        found = {document_id: self._others.get(document_id, self._version) for document_id in document_ids}
        return {document_id: version for document_id, version in found.items() if version is not None}


class Unreadable:
    """A registry that cannot be read."""

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:
        raise UpstreamUnavailable("The registry could not be read.")


def found(score: float, text: str = "text", document_id: str = "d", version: str = "v") -> ScoredChunk:
    return ScoredChunk(Chunk("c", document_id, version, 0, "T", "s", text, 1, 0, len(text)), score)


def many(count: int, document_id: str, score: float = 0.9) -> list[ScoredChunk]:
    return [found(score, document_id=document_id) for _ in range(count)]


def request(vector: str | None = None, target: IndexTarget = TARGET, **fields: Any) -> SearchRequest:
    defaults: dict[str, Any] = {
        "query": "q", "top_k": 5, "tenant": "acme", "groups": ["a"], "filter": None, "mode": "dense",
    }  # fmt: skip
    encoded = vectors.encode(array("f", [1, 0])) if vector is None else vector
    return SearchRequest(request=QueryRequest(**(defaults | fields)), vector=encoded, target=target, trace_id="t")


def searching(store: PassageSearch, live: LiveDocuments | None = None, threshold: float = 0.5) -> SearchVectors:
    return SearchVectors(lambda _: store, live or Live(), threshold)


def answer(store: PassageSearch, live: LiveDocuments | None = None, **fields: Any) -> SearchResponse:
    return searching(store, live)(request(**fields)).response


def test_passages_below_the_threshold_are_left_out() -> None:
    response = answer(FixedResults(found(0.9), found(0.5), found(0.49)))
    assert response.relevant
    assert [passage.score for passage in response.passages] == [0.9, 0.5]


def test_nothing_above_the_threshold_is_nothing_relevant() -> None:
    response = answer(FixedResults(found(0.1)))
    assert (response.relevant, response.passages) == (False, [])


def test_the_store_is_asked_for_the_principal_and_the_filter_and_for_more_than_are_needed() -> None:
    store = FixedResults()
    answer(store, filter={"year": 2024}, top_k=7)
    assert store.asked == [(Principal("acme", ("a",)), 17, Clause("year", "$eq", 2024))]


def test_the_collection_is_the_one_that_the_query_was_embedded_for() -> None:
    opened: list[IndexTarget] = []

    def index_of(target: IndexTarget) -> PassageSearch:
        opened.append(target)
        return FixedResults()

    other = IndexTarget(model="other", dimensions=2, host="https://other.example")
    SearchVectors(index_of, Live(), 0.5)(request(target=other))
    assert opened == [other]


def test_no_more_than_top_k_are_returned_and_those_are_the_best() -> None:
    response = answer(FixedResults(*(found(0.9 - n / 100) for n in range(20))), top_k=3)
    assert [passage.score for passage in response.passages] == [0.9, 0.89, 0.88]


def test_passages_stay_within_their_bytes() -> None:
    response = answer(FixedResults(*(found(0.9, "€" * 10_000) for _ in range(100))), top_k=100)
    assert len(response.passages) == 5  # of 30 KB each
    assert len(msgspec.json.encode(response.passages)) <= MAX_PASSAGES_BYTES


def test_a_passage_that_does_not_fit_leaves_its_place_to_smaller_ones() -> None:
    response = answer(FixedResults(found(0.9, "x" * 200_000), found(0.8, "small")))
    assert [passage.text for passage in response.passages] == ["small"]


def test_nothing_that_fits_is_nothing_relevant() -> None:
    response = answer(FixedResults(found(0.9, "x" * 200_000)))
    assert (response.relevant, response.passages) == (False, [])


@pytest.mark.parametrize("vector", ["", "AAAA", vectors.encode(array("f", [1, 0, 0]))])
def test_a_bad_vector_is_refused_before_the_store_is_asked(vector: str) -> None:
    store = FixedResults()
    with pytest.raises(InvalidRequest, match="vector"):
        answer(store, vector=vector)
    assert store.asked == []


def test_a_document_that_the_registry_does_not_show_is_dropped_and_counted() -> None:
    store = FixedResults(found(0.9, document_id="gone"), found(0.8, document_id="kept"))
    searched = searching(store, Live(gone=None))(request())
    assert [passage.document_id for passage in searched.response.passages] == ["kept"]
    assert searched.dropped == 1


def test_only_the_live_one_of_two_versions_is_shown() -> None:
    store = FixedResults(found(0.9, "old", version="1-a"), found(0.8, "new", version="2-b"))
    assert [passage.text for passage in answer(store, Live("1-a")).passages] == ["old"]
    assert [passage.text for passage in answer(store, Live("2-b")).passages] == ["new"]


def test_the_registrys_readers_count_and_not_those_of_the_index() -> None:
    store = FixedResults(found(0.9, document_id="revoked"), found(0.8, document_id="shared"))
    live = Live(revoked=LiveVersion("v", ("b",)), shared=LiveVersion("v", ("a", "b")))
    assert [passage.document_id for passage in answer(store, live).passages] == ["shared"]


def test_nothing_that_may_be_seen_is_nothing_relevant() -> None:
    searched = searching(FixedResults(found(0.9)), Live(d=None))(request())
    assert (searched.response.relevant, searched.dropped) == (False, 1)


def test_a_registry_that_cannot_be_read_shows_nothing() -> None:
    with pytest.raises(TransientError):
        answer(FixedResults(found(0.9)), Unreadable())


def test_what_is_irrelevant_is_not_looked_up() -> None:
    live = Live()
    answer(FixedResults(found(0.9, document_id="near"), found(0.1, document_id="far")), live)
    assert live.looked_up == ["near"]


def test_dropped_passages_do_not_thin_the_answer() -> None:
    store = FixedResults(*many(150, "gone"), *many(100, "kept", 0.8))
    live = Live(gone=None)

    searched = searching(store, live)(request())

    assert [passage.document_id for passage in searched.response.passages] == ["kept"] * 5
    assert store.counts == [15, 60, 240]
    assert searched.dropped == 150
    assert live.looked_up == ["gone", "kept"]


def test_no_more_are_asked_for_than_a_store_gives_with_their_texts() -> None:
    store = FixedResults(*many(5_000, "gone"))
    searched = searching(store, Live(gone=None))(request(top_k=100))
    assert store.counts == [200, 800, 1_000]
    assert (searched.response.relevant, searched.dropped) == (False, 1_000)


@pytest.mark.parametrize(
    "held",
    [
        [*many(12, "gone")],
        [*many(12, "gone"), *many(500, "kept", 0.4)],
        [*many(10, "gone"), *many(5, "kept"), *many(500, "kept", 0.8)],
    ],
    ids=["the store has no more", "what follows is irrelevant", "there are enough"],
)
def test_the_store_is_asked_once_where_asking_again_gains_nothing(held: list[ScoredChunk]) -> None:
    store = FixedResults(*held)
    answer(store, Live(gone=None))
    assert store.counts == [15]


def test_a_result_too_large_for_the_store_is_asked_for_in_part() -> None:
    store = FixedResults(*many(20, "kept"), most=10)
    assert len(answer(store).passages) == 5
    assert store.counts == [15, 5]


def test_a_wider_result_too_large_for_the_store_leaves_what_was_found() -> None:
    store = FixedResults(*many(13, "gone"), *many(500, "kept", 0.8), most=50)
    searched = searching(store, Live(gone=None))(request())
    assert (len(searched.response.passages), searched.dropped) == (2, 13)
    assert store.counts == [15, 60]


def test_a_store_that_refuses_every_search_is_an_error() -> None:
    with pytest.raises(UpstreamRejected):
        answer(FixedResults(most=0))
