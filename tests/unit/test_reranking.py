"""Reranking: the best candidates in the reranker's order, and the order as it was when the reranker gives none."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import errors
from rag.models import Candidate, Chunk
from rag.reranking import Reranked, rerank

finite = st.floats(allow_nan=False, allow_infinity=False, width=32)


class Judge:
    """A reranker that gives what it was told to, and remembers what it read."""

    def __init__(self, *relevance: float) -> None:
        self._relevance = list(relevance)
        self.read: list[tuple[str, list[str]]] = []

    def rerank(self, query: str, passages: Sequence[str]) -> list[float]:
        self.read.append((query, list(passages)))
        return self._relevance


class Failing:
    """A reranker that raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def rerank(self, query: str, passages: Sequence[str]) -> list[float]:
        raise self._error


def chunk(number: int, text: str = "", **fields: str) -> Chunk:
    return Chunk(
        chunk_id=f"c{number}",
        document_id=f"d{number}",
        version="v",
        ordinal=0,
        title=fields.get("title", ""),
        source="",
        text=text or f"text {number}",
        tokens=2,
        start=0,
        end=6,
        heading=fields.get("heading", ""),
    )


def fused(*scores: float) -> list[Candidate]:
    """Return candidates in the order of their scores, which fusion gave them."""
    return [Candidate(chunk(number), score, dense=0.5) for number, score in enumerate(sorted(scores, reverse=True))]


def order(reranked: Reranked) -> list[str]:
    return [candidate.chunk.chunk_id for candidate in reranked.candidates]


def test_candidates_come_in_the_rerankers_order_with_its_relevance() -> None:
    reranked = rerank(Judge(0.1, 0.9, 0.5), "q", fused(3, 2, 1), depth=3)

    assert order(reranked) == ["c1", "c2", "c0"]
    assert [candidate.score for candidate in reranked.candidates] == [0.9, 0.5, 0.1]
    assert reranked.failure is None


def test_what_the_legs_gave_is_kept() -> None:
    (candidate,) = rerank(Judge(0.1), "q", fused(3), depth=3).candidates

    assert candidate.dense == 0.5


def test_equal_relevance_keeps_the_order_given() -> None:
    assert order(rerank(Judge(0.5, 0.5, 0.9), "q", fused(3, 2, 1), depth=3)) == ["c2", "c0", "c1"]


def test_those_beyond_the_depth_follow_in_their_order() -> None:
    reranked = rerank(Judge(-4.0, -3.0), "q", fused(0.9, 0.8, 0.7, 0.6), depth=2)

    assert order(reranked) == ["c1", "c0", "c2", "c3"]
    assert [candidate.score for candidate in reranked.candidates] == [-3.0, -4.0, -4.0, -4.0]


def test_title_and_heading_are_read_before_the_text() -> None:
    judge = Judge(0.5)
    rerank(judge, "q", [Candidate(chunk(0, "text", title="Title", heading="A > B"), 1.0)], depth=1)

    assert judge.read == [("q", ["Title\nA > B\ntext"])]


def test_what_is_sent_has_a_bound() -> None:
    judge = Judge(0.5)
    rerank(judge, "q" * 8_000, [Candidate(chunk(0, "x" * 100_000), 1.0)], depth=1)

    ((query, (passage,)),) = judge.read
    assert (len(query), len(passage)) == (2_000, 8_000)


def test_nothing_is_asked_about_nothing() -> None:
    judge = Judge()

    assert rerank(judge, "q", [], depth=50) == Reranked([])
    assert judge.read == []


@pytest.mark.parametrize(
    "error",
    [
        errors.UpstreamUnavailable("It was late."),
        errors.UpstreamThrottled("It was busy."),
        errors.CredentialsRejected("It took no key."),
        errors.SecretUnavailable("There was no key."),
        errors.UpstreamRejected("It knew no such model."),
        errors.MalformedResponse("It answered nonsense."),
    ],
)
def test_a_reranker_that_fails_leaves_the_order_and_says_why(error: errors.RagError) -> None:
    candidates = fused(3, 2, 1)

    reranked = rerank(Failing(error), "q", candidates, depth=2)

    assert reranked.candidates == candidates
    assert reranked.failure == f"{type(error).__name__}: {error}"


@pytest.mark.parametrize("relevance", [[], [0.5], [0.5] * 3, [0.5, math.nan], [0.5, math.inf], [0.5, -math.inf]])
def test_judgements_that_cannot_be_used_leave_the_order(relevance: list[float]) -> None:
    candidates = fused(2, 1)

    reranked = rerank(Judge(*relevance), "q", candidates, depth=2)

    assert reranked.candidates == candidates
    assert str(reranked.failure).startswith("MalformedResponse: The reranker")


def test_a_defect_is_no_failure_of_the_reranker() -> None:
    with pytest.raises(ZeroDivisionError):
        rerank(Failing(ZeroDivisionError()), "q", fused(1), depth=1)


@given(st.lists(finite, max_size=12), st.integers(1, 15), st.data())
def test_reranking_permutes_the_best_and_never_raises_a_score_on_the_way_down(
    scores: list[float], depth: int, data: st.DataObject
) -> None:
    candidates = fused(*scores)
    judged = min(depth, len(candidates))
    relevance = data.draw(st.lists(finite, min_size=judged, max_size=judged))

    reranked = rerank(Judge(*relevance), "q", candidates, depth)

    given_order = [candidate.chunk.chunk_id for candidate in candidates]
    assert sorted(order(reranked)[:judged]) == sorted(given_order[:judged])
    assert order(reranked)[judged:] == given_order[judged:]
    after = [candidate.score for candidate in reranked.candidates]
    assert after == sorted(after, reverse=True)
    assert after[:judged] == sorted(relevance, reverse=True)


@given(st.lists(finite, min_size=1, max_size=12), st.integers(1, 15), st.lists(st.floats(), max_size=12))
def test_whatever_the_reranker_says_nothing_is_lost(scores: list[float], depth: int, relevance: list[float]) -> None:
    candidates = fused(*scores)

    reranked = rerank(Judge(*relevance), "q", candidates, depth)

    assert sorted(order(reranked)) == sorted(candidate.chunk.chunk_id for candidate in candidates)
    if reranked.failure:
        assert reranked.candidates == candidates
