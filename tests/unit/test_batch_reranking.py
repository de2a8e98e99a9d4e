"""A reranker in a batch: few calls at a time, another attempt, an end to it all, and failures that are told."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Barrier, BrokenBarrierError, Lock
from typing import Any

import pytest

from rag import errors
from rag.batches.contracts import Batch, SearchBatchRequest, SearchBatchResponse
from rag.batches.reranking import AT_ONCE, PatientReranker
from rag.batches.searching import SearchBatch
from rag.batches.staged import StagedBatch, StagedQuestion
from rag.batches.staging import BatchStaging
from rag.contracts import QueryRequest, Spent
from rag.index_pointer import IndexTarget
from rag.retrieval import Retriever
from rag.searching import SearchVectors
from rag.side_by_side import side_by_side
from rag.tuning import Overrides, rules_of
from tests.fakes.batch_desk import TENANT, BatchDesk
from tests.fakes.fixed_results import FixedResults, Live, found
from tests.fakes.memory_objects import MemoryObjects

THROTTLED = errors.UpstreamThrottled("The reranker asked for fewer requests.")
REFUSED = errors.UpstreamRejected("The reranker refused the request.")
BATCH = Batch(prefix="batches/acme/execution")
QUERIES = ["When does the canary sing at noon?", "Does the canary sing?"]


class Judge:
    """Answers as told, call by call, and then likes the later passages better."""

    def __init__(self, *failures: Exception) -> None:
        self._failures = iter(failures)
        self._lock = Lock()
        self.calls = 0

    def rerank(self, query: str, passages: Sequence[str]) -> list[float]:
        with self._lock:
            self.calls += 1
            failure = next(self._failures, None)
        if failure is not None:
            raise failure
        return [float(number) for number, _ in enumerate(passages)]


class Counting:
    """Holds each call until as many are under way as there may be, and remembers the most."""

    def __init__(self, together: int) -> None:
        self._lock = Lock()
        self._barrier = Barrier(together)
        self._under_way = 0
        self.most = 0

    def rerank(self, query: str, passages: Sequence[str]) -> list[float]:
        with self._lock:
            self._under_way += 1
            self.most = max(self.most, self._under_way)
        with suppress(BrokenBarrierError):
            self._barrier.wait(10)
        with self._lock:
            self._under_way -= 1
        return [0.0] * len(passages)


def patient(reranker: Any, clock: Callable[[], float] = lambda: 0.0) -> tuple[PatientReranker, list[float]]:
    pauses = list[float]()
    return PatientReranker(reranker, seconds=300.0, clock=clock, pause=pauses.append), pauses


@pytest.mark.parametrize("failures", [[THROTTLED], [THROTTLED, errors.UpstreamUnavailable("Late.")]])
def test_what_may_pass_is_tried_again(failures: list[Exception]) -> None:
    judge = Judge(*failures)
    reranker, pauses = patient(judge)

    assert reranker.rerank("q", ["a", "b"]) == [0.0, 1.0]
    assert (judge.calls, len(pauses)) == (len(failures) + 1, len(failures))


def test_what_keeps_failing_fails_after_three_attempts() -> None:
    judge = Judge(*[THROTTLED] * 9)
    reranker, _ = patient(judge)

    with pytest.raises(errors.UpstreamThrottled):
        reranker.rerank("q", ["a"])
    assert judge.calls == 3


def test_what_will_not_pass_is_not_tried_again() -> None:
    judge = Judge(REFUSED)
    reranker, pauses = patient(judge)

    with pytest.raises(errors.UpstreamRejected):
        reranker.rerank("q", ["a"])
    assert (judge.calls, pauses) == (1, [])


def test_once_the_batch_has_had_its_time_no_call_begins() -> None:
    now = [100.0]
    judge = Judge()
    reranker, _ = patient(judge, lambda: now[0])

    now[0] = 399.0
    reranker.rerank("q", ["a"])
    now[0] = 400.0
    with pytest.raises(errors.UpstreamTimedOut):
        reranker.rerank("q", ["a"])
    assert judge.calls == 1


def test_no_more_than_four_questions_are_reranked_at_a_time() -> None:
    counting = Counting(AT_ONCE)
    reranker, _ = patient(counting)

    side_by_side(lambda number: reranker.rerank(f"q{number}", ["a"]), list(range(4 * AT_ONCE)))

    assert counting.most == AT_ONCE == 4


def searched(*failures: Exception, count: int = 3) -> SearchBatchResponse:
    objects = MemoryObjects()
    shared = QueryRequest(
        query="?", rewritten_query=None, question="?", phrasings=[], top_k=5, tenant=TENANT, groups=[], filter=None,
        mode="lexical",
    )  # fmt: skip
    spent = Spent(embedding_tokens=0, prompt_tokens=0, completion_tokens=0, cost_usd=0.0, cached_embedding=False)
    questions = [StagedQuestion(index, f"question {index}", spent=spent) for index in range(count)]
    BatchStaging(objects, BATCH).write_questions(
        StagedBatch(shared, IndexTarget(model="m", dimensions=2), questions), []
    )
    store = FixedResults(lexical=[found(7.0, "same"), found(6.0, "same"), found(5.0)])
    retriever = Retriever(lambda _: store, Live(), Overrides(relevance=rules_of("lexical: 1 lexical >= 1")).tuning_of)
    search = SearchVectors(retriever, reranker=Judge(*failures))
    return SearchBatch(objects, search, "m", lambda judge: judge)(SearchBatchRequest(batch=BATCH, trace_id="t"))


def test_failures_are_counted_and_their_distinct_reasons_told() -> None:
    response = searched(REFUSED, THROTTLED, REFUSED, count=5)

    assert response.rerank_failed == 3
    assert response.rerank_failures == [f"UpstreamRejected: {REFUSED}", f"UpstreamThrottled: {THROTTLED}"]


def test_a_reranker_that_works_is_told_as_such() -> None:
    response = searched()

    assert (response.rerank_failed, response.rerank_failures) == (0, [])


def test_passages_that_repeat_others_are_counted() -> None:
    assert searched(count=4).collapsed == 4


def test_a_batch_is_reranked_with_patience() -> None:
    desk = BatchDesk()
    desk.tell("The canary sings at noon.", "The canary sings no more.")
    desk.reranker = Judge(THROTTLED, THROTTLED)

    output = desk.batch({"queries": QUERIES, "tenant": TENANT})

    assert [one["answer"]["degraded"] for one in output["results"]] == [[], []]
    assert desk.reranker.calls == 4
