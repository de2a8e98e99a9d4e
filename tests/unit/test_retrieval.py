"""Retrieval: what each mode ranks, what the registry lets through, and how often the store is asked for what."""

from collections.abc import Callable, Sequence
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import vectors
from rag.contract import ModeName
from rag.errors import InvalidRequest, TransientError, UpstreamRejected, UpstreamUnavailable
from rag.index_pointer import IndexTarget
from rag.models import Principal, ScoredChunk
from rag.ports import LiveDocuments, PassageSearch
from rag.registration import LiveVersion
from rag.retrieval import Retrieved, Retriever, SearchedQuestion
from rag.tuning import Overrides
from tests.fakes.fixed_results import FixedResults, Live, Unreadable, found, many

TARGET = IndexTarget(model="m", dimensions=2)
QUESTION = SearchedQuestion("both", vectors.unit([1, 0]))
ACME = Principal("acme", ("a",))


def retrieve(
    store: PassageSearch,
    mode: ModeName = "dense",
    live: LiveDocuments | None = None,
    top_k: int = 5,
    questions: Sequence[SearchedQuestion] = (QUESTION,),
    seconds: float = 60.0,
    **tuned: Any,
) -> list[Retrieved]:
    retriever = Retriever(lambda _: store, live or Live(), Overrides(**tuned).tuning_of, seconds)
    return retriever.retrieve(questions, ACME, None, mode, top_k, TARGET)


def texts(retrieved: Retrieved) -> list[str]:
    return [candidate.chunk.text for candidate in retrieved.candidates]


def test_dense_mode_asks_the_dense_leg_alone() -> None:
    store = FixedResults(found(0.9, "near"), lexical=[found(3.0, "worded")])
    (retrieved,) = retrieve(store, "dense")
    assert texts(retrieved) == ["near"]
    assert [(candidate.score, candidate.dense, candidate.lexical) for candidate in retrieved.candidates] == [
        (0.9, 0.9, None)
    ]
    assert [asked.leg for asked in store.asked] == ["dense"]


def test_lexical_mode_asks_the_lexical_leg_alone_and_needs_no_vector() -> None:
    store = FixedResults(found(0.9, "near"), lexical=[found(3.0, "worded")])
    (retrieved,) = retrieve(store, "lexical", questions=[SearchedQuestion("both", None)])
    assert texts(retrieved) == ["worded"]
    assert [asked.leg for asked in store.asked] == ["lexical"]


def test_hybrid_mode_ranks_what_either_leg_found() -> None:
    both = found(0.8, "both")
    store = FixedResults(found(0.9, "near"), both, lexical=[ScoredChunk(both.chunk, 5.0), found(4.0, "worded")])
    (retrieved,) = retrieve(store, "hybrid", lexical_weight=0.5)
    assert texts(retrieved) == ["both", "worded", "near"]
    assert [(candidate.dense, candidate.lexical) for candidate in retrieved.candidates] == [
        (0.8, 5.0),
        (None, 4.0),
        (0.9, None),
    ]


def test_words_count_for_less_in_hybrid_mode_where_the_best_of_them_hold_little_of_the_question() -> None:
    question = [SearchedQuestion("parking permit renewal", QUESTION.vector)]
    for said, first in (("a permit", "near"), ("renewal of a parking permit", "renewal of a parking permit")):
        worded = found(0.3, said)
        store = FixedResults(found(0.9, "near"), worded, lexical=[ScoredChunk(worded.chunk, 9.0)])
        (retrieved,) = retrieve(store, "hybrid", questions=question, fusion="convex", lexical_weight=0.6)
        assert texts(retrieved)[0] == first


def test_hybrid_mode_may_fuse_by_ranks() -> None:
    both = found(0.8, "both")
    store = FixedResults(found(0.9, "near"), both, lexical=[ScoredChunk(both.chunk, 5.0)])
    (retrieved,) = retrieve(store, "hybrid", fusion="reciprocal_rank", lexical_weight=0.5)
    assert texts(retrieved) == ["both", "near"]


def test_hybrid_mode_reads_each_leg_to_the_depth_of_its_fusion() -> None:
    store = FixedResults(lexical=many(200, "d"))
    (retrieved,) = retrieve(store, "hybrid", depth=40)
    assert len(retrieved.candidates) == 40
    assert (store.counts("dense"), store.counts("lexical")) == ([50], [50])


def test_pruned_mode_ranks_the_best_of_the_lexical_leg_by_cosine() -> None:
    far, near = found(0.1, "far"), found(0.9, "near")
    store = FixedResults(near, far, lexical=[ScoredChunk(far.chunk, 5.0), ScoredChunk(near.chunk, 1.0)])
    (retrieved,) = retrieve(store, "pruned")
    assert [(candidate.chunk.text, candidate.score, candidate.lexical) for candidate in retrieved.candidates] == [
        ("near", 0.9, 1.0),
        ("far", 0.1, 5.0),
    ]


def test_pruned_mode_keeps_only_so_many() -> None:
    store = FixedResults(lexical=many(200, "d"))
    assert len(retrieve(store, "pruned", prune_depth=30)[0].candidates) == 30


def test_pruned_mode_keeps_as_many_as_are_wanted() -> None:
    store = FixedResults(lexical=many(200, "d"))
    assert len(retrieve(store, "pruned", top_k=100, prune_depth=50)[0].candidates) == 100


def test_pruned_mode_finds_nothing_when_no_word_matches() -> None:
    (retrieved,) = retrieve(FixedResults(found(0.9)), "pruned")
    assert retrieved.candidates == []


def test_pruned_mode_leaves_out_what_the_index_lost_meanwhile() -> None:
    lost, kept = found(5.0, "lost"), found(4.0, "kept")
    store = FixedResults(lexical=[lost, kept], gone=[lost.chunk.chunk_id])
    assert texts(retrieve(store, "pruned")[0]) == ["kept"]


@pytest.mark.parametrize("mode", ["dense", "hybrid", "pruned"])
def test_a_mode_that_needs_a_vector_says_so_before_the_store_is_asked(mode: ModeName) -> None:
    store = FixedResults(found(0.9), lexical=[found(1.0)])
    with pytest.raises(InvalidRequest, match="2 dimensions"):
        retrieve(store, mode, questions=[SearchedQuestion("both", None)])
    assert store.asked == []


def test_many_questions_are_one_call_of_each_leg_and_one_look_at_the_registry() -> None:
    store, live = FixedResults(*many(3, "a"), lexical=many(3, "b")), Live()
    assert len(retrieve(store, "hybrid", live, questions=[QUESTION] * 7)) == 7
    assert sorted((asked.leg, asked.queries) for asked in store.asked) == [("dense", 7), ("lexical", 7)]
    assert (live.calls, sorted(live.looked_up)) == (1, ["a", "b"])


def test_no_question_is_no_call() -> None:
    store = FixedResults()
    assert retrieve(store, questions=[]) == []
    assert store.asked == []


def test_only_the_live_one_of_two_versions_is_found() -> None:
    store = FixedResults(found(0.9, "old", version="1-a"), found(0.8, "new", version="2-b"))
    assert texts(retrieve(store, live=Live("1-a"))[0]) == ["old"]
    assert texts(retrieve(store, live=Live("2-b"))[0]) == ["new"]


def test_the_registrys_readers_count_and_not_those_of_the_index() -> None:
    store = FixedResults(found(0.9, "revoked", "revoked"), found(0.8, "shared", "shared"))
    live = Live(revoked=LiveVersion("v", ("b",)), shared=LiveVersion("v", ("a", "b")))
    assert texts(retrieve(store, live=live)[0]) == ["shared"]


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid", "pruned"])
def test_a_registry_that_cannot_be_read_shows_nothing(mode: ModeName) -> None:
    with pytest.raises(TransientError):
        retrieve(FixedResults(found(0.9), lexical=[found(1.0)]), mode, Unreadable())


def test_dropped_chunks_do_not_thin_what_is_found() -> None:
    store, live = FixedResults(*many(150, "gone"), *many(100, "kept", 0.8)), Live(gone=None)

    (retrieved,) = retrieve(store, live=live)

    assert {candidate.chunk.document_id for candidate in retrieved.candidates[:5]} == {"kept"}
    assert store.counts() == [15, 60, 240]
    assert len(retrieved.hidden) == 150
    assert live.looked_up == ["gone", "kept"]


def test_only_the_leg_and_the_questions_that_came_out_short_are_asked_again() -> None:
    short, full = many(400, "gone"), many(400, "kept")

    class ByText(FixedResults):
        def lexical(self, texts: Sequence[str], *rest: Any) -> list[list[ScoredChunk]]:
            super().lexical(texts, *rest)
            return [(short if text == "short" else full)[: rest[1]] for text in texts]

    store = ByText(*many(400, "kept"))
    questions = [SearchedQuestion(text, QUESTION.vector) for text in ("full", "short", "full")]
    retrieve(store, "hybrid", Live(gone=None), questions=questions, depth=5)
    assert [(asked.queries, asked.top_k) for asked in store.asked if asked.leg == "lexical"] == [
        (3, 15),
        (1, 60),
        (1, 240),
    ]
    assert store.counts("dense") == [15]


def test_no_more_are_asked_for_than_a_store_gives_with_their_texts() -> None:
    store = FixedResults(*many(5_000, "gone"))
    (retrieved,) = retrieve(store, live=Live(gone=None), top_k=100)
    assert store.counts() == [200, 800, 1_000]
    assert (retrieved.candidates, len(retrieved.hidden)) == ([], 1_000)


@pytest.mark.parametrize(
    "held",
    [[*many(12, "gone")], [*many(10, "gone"), *many(5, "kept"), *many(500, "kept", 0.8)]],
    ids=["the store has no more", "there are enough"],
)
def test_the_store_is_asked_once_where_asking_again_gains_nothing(held: list[ScoredChunk]) -> None:
    store = FixedResults(*held)
    retrieve(store, live=Live(gone=None))
    assert store.counts() == [15]


def test_a_result_too_large_for_the_store_is_asked_for_in_part() -> None:
    store = FixedResults(*many(20, "kept"), most=10)
    assert len(retrieve(store)[0].candidates) == 5
    assert store.counts() == [15, 5]


def test_a_wider_result_too_large_for_the_store_leaves_what_was_found() -> None:
    store = FixedResults(*many(13, "gone"), *many(500, "kept", 0.8), most=50)
    (retrieved,) = retrieve(store, live=Live(gone=None))
    assert (len(retrieved.candidates), len(retrieved.hidden)) == (2, 13)
    assert store.counts() == [15, 60]


@pytest.mark.parametrize("mode", ["dense", "lexical", "hybrid", "pruned"])
def test_a_store_that_refuses_every_search_is_an_error(mode: ModeName) -> None:
    with pytest.raises(UpstreamRejected):
        retrieve(FixedResults(most=0), mode)


@given(
    near=st.lists(st.sampled_from(["kept", "gone"]), max_size=40),
    worded=st.lists(st.sampled_from(["kept", "gone"]), max_size=40),
)
def test_hybrid_mode_ranks_as_if_what_may_not_be_seen_were_not_there(near: list[str], worded: list[str]) -> None:
    dense = [found(1 - number / 50, document_id=name) for number, name in enumerate(near)]
    lexical = [found(50.0 - number, document_id=name) for number, name in enumerate(worded)]
    clean = [[one for one in leg if one.chunk.document_id == "kept"] for leg in (dense, lexical)]

    (retrieved,) = retrieve(FixedResults(*dense, lexical=lexical), "hybrid", Live(gone=None), top_k=3, depth=10)
    (expected,) = retrieve(FixedResults(*clean[0], lexical=clean[1]), "hybrid", top_k=3, depth=10)

    assert retrieved.candidates == expected.candidates


@pytest.mark.parametrize("mode", ["hybrid", "pruned"])
def test_a_leg_is_as_deep_below_what_may_not_be_seen(mode: ModeName) -> None:
    worded = [found(50.0 - number / 10, document_id="kept") for number in range(60)]
    store = FixedResults(lexical=[*many(30, "gone", 99.0), *worded])

    (retrieved,) = retrieve(store, mode, Live(gone=None), top_k=3, depth=40, prune_depth=40)

    assert store.counts("lexical") == [50, 200]
    assert {one.chunk.chunk_id for one in retrieved.candidates} == {one.chunk.chunk_id for one in worded[:40]}


def test_what_both_legs_found_and_may_not_be_seen_is_told_once() -> None:
    gone, worded = found(0.9, document_id="gone"), found(6.0, document_id="gone")
    store = FixedResults(gone, lexical=[worded, ScoredChunk(gone.chunk, 5.0)])
    assert retrieve(store, "hybrid", Live(gone=None))[0].hidden == {gone.chunk.chunk_id, worded.chunk.chunk_id}


def test_once_the_time_is_over_nobody_asks_for_more() -> None:
    store = FixedResults(*many(13, "gone"), *many(500, "kept", 0.8))
    (retrieved,) = retrieve(store, live=Live(gone=None), seconds=0)
    assert (len(retrieved.candidates), len(retrieved.hidden)) == (2, 13)
    assert store.counts() == [15]


class Tiring(FixedResults):
    """A store that answers once, and from then on as it is told."""

    def __init__(self, *held: ScoredChunk, then: Callable[[], object]) -> None:
        super().__init__(*held)
        self._then = then

    def dense(self, *asked: Any) -> list[list[ScoredChunk]]:
        if self.asked:
            self._then()
        return super().dense(*asked)


def test_nobody_waits_for_more_once_the_time_is_over() -> None:
    over = Event()
    store = Tiring(*many(13, "gone"), *many(500, "kept", 0.8), then=lambda: over.wait(60))

    (retrieved,) = retrieve(store, live=Live(gone=None), seconds=0.2)

    assert (len(retrieved.candidates), len(retrieved.hidden)) == (2, 13)
    over.set()


def test_a_store_that_fails_when_asked_for_more_leaves_what_was_found() -> None:
    def fail() -> None:
        raise UpstreamUnavailable("It is down.")

    store = Tiring(*many(13, "gone"), *many(500, "kept", 0.8), then=fail)
    assert len(retrieve(store, live=Live(gone=None))[0].candidates) == 2


def test_each_search_of_the_store_is_clocked() -> None:
    store = FixedResults(found(0.9, "near"), lexical=[found(3.0, "worded")])
    told: list[float] = []
    retriever = Retriever(lambda _: store, Live(), Overrides().tuning_of, on_searched=told.append)
    retriever.retrieve([QUESTION], ACME, None, "hybrid", 5, TARGET)
    assert len(told) == len(store.asked) == 2
    assert all(milliseconds >= 0 for milliseconds in told)


def test_a_search_that_fails_is_clocked_as_well() -> None:
    told: list[float] = []
    store = FixedResults(most=0)
    retriever = Retriever(lambda _: store, Live(), Overrides().tuning_of, on_searched=told.append)
    with pytest.raises(UpstreamRejected):
        retriever.retrieve([QUESTION], ACME, None, "dense", 5, TARGET)
    assert len(told) == len(store.asked) > 0
