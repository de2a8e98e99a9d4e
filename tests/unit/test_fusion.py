"""Fusion: two rankings become one, in any order given, without a lottery, and never past what the legs say."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.fusion import convex, one_leg, reciprocal_rank
from rag.models import Candidate, Chunk, ScoredChunk

WEIGHTS = st.floats(0, 1)


def scored(key: str, score: float) -> ScoredChunk:
    return ScoredChunk(Chunk(key, "d", "v", 0, "", "", key, 1, 0, 1), score)


def leg(scores: dict[str, float]) -> list[ScoredChunk]:
    found = [scored(key, score) for key, score in scores.items()]
    return sorted(found, key=lambda one: (-one.score, one.chunk.chunk_id))


def keys(candidates: list[Candidate]) -> list[str]:
    return [candidate.chunk.chunk_id for candidate in candidates]


def legs_of(scores: st.SearchStrategy[float]) -> st.SearchStrategy[list[ScoredChunk]]:
    return st.dictionaries(st.sampled_from("abcdefgh"), scores, max_size=8).map(leg)


DENSE, LEXICAL = legs_of(st.floats(-1, 1)), legs_of(st.floats(0.01, 50))


def test_scores_are_shares_of_each_legs_best() -> None:
    fused = convex(leg({"a": 0.8, "b": 0.4}), leg({"b": 10.0, "a": 5.0}), 0.75)
    assert keys(fused) == ["b", "a"]
    assert [one.score for one in fused] == pytest.approx([0.25 * 0.5 + 0.75, 0.25 + 0.75 * 0.5])


def test_what_the_dense_leg_has_not_found_counts_as_its_last_one() -> None:
    fused = {one.chunk.chunk_id: one.score for one in convex(leg({"a": 0.8, "b": 0.6}), leg({"c": 9.0}), 0.5)}
    assert fused["c"] == pytest.approx(0.5 * 0.75 + 0.5)
    assert fused["b"] == pytest.approx(0.5 * 0.75)


def test_words_count_for_less_where_they_hold_little_of_the_question() -> None:
    dense, lexical = leg({"near": 0.9, "worded": 0.5}), leg({"worded": 9.0})
    assert keys(convex(dense, lexical, 0.6, coverage=1.0)) == ["worded", "near"]
    assert keys(convex(dense, lexical, 0.6, coverage=0.2)) == ["near", "worded"]


def test_legs_keep_what_they_gave() -> None:
    (both, worded, near) = convex(leg({"both": 0.9, "near": 0.5}), leg({"both": 7.0, "worded": 1.0}), 0.1)
    assert (both.dense, both.lexical) == (0.9, 7.0)
    assert (near.dense, near.lexical) == (0.5, None)
    assert (worded.dense, worded.lexical) == (None, 1.0)


def test_what_is_equal_once_fused_goes_by_the_leg_that_tells_it_apart() -> None:
    assert keys(convex(leg({"a": 0.5, "b": 0.9}), [], 1.0)) == ["b", "a"]
    assert keys(convex([], leg({"a": 1.0, "b": 3.0}), 0.0)) == ["b", "a"]
    assert keys(convex(leg({"a": -0.5, "b": -0.1}), leg({"c": 2.0}), 0.0)) == ["b", "a", "c"]
    assert keys(convex(leg({"b": 0.5, "a": 0.5}), [], 0.5)) == ["a", "b"]


@pytest.mark.parametrize(("dense", "lexical"), [({}, {"a": 3.0}), ({"a": 0.4}, {}), ({"a": -0.2}, {}), ({}, {})])
def test_one_leg_may_be_empty(dense: dict[str, float], lexical: dict[str, float]) -> None:
    assert keys(convex(leg(dense), leg(lexical), 0.5)) == [*dense, *lexical]


def test_ranks_are_summed_up_by_weight() -> None:
    fused = reciprocal_rank([one_leg(dense=leg({"a": 0.9, "b": 0.8})), one_leg(lexical=leg({"b": 7.0}))], (0.4, 0.6))
    assert keys(fused) == ["b", "a"]
    assert [one.score for one in fused] == pytest.approx([(0.4 / 62 + 0.6 / 61) * 61, 0.4])
    assert [(one.dense, one.lexical) for one in fused] == [(0.8, 7.0), (0.9, None)]


def test_fused_rankings_keep_the_best_that_any_of_them_has_from_a_leg() -> None:
    (found,) = reciprocal_rank([one_leg(dense=leg({"a": 0.3})), one_leg(dense=leg({"a": 0.7}))])
    assert (found.dense, found.score) == (0.7, 1.0)


@given(DENSE, LEXICAL, WEIGHTS, st.floats(0, 1), st.randoms())
def test_the_order_in_which_chunks_come_does_not_matter(
    dense: list[ScoredChunk], lexical: list[ScoredChunk], weight: float, coverage: float, chance: Random
) -> None:
    shuffled = [chance.sample(one, len(one)) for one in (dense, lexical)]
    assert convex(shuffled[0], shuffled[1], weight, coverage) == convex(dense, lexical, weight, coverage)


@given(DENSE, LEXICAL, WEIGHTS, st.floats(0, 1))
def test_scores_lie_between_0_and_1_and_everything_found_is_there_once(
    dense: list[ScoredChunk], lexical: list[ScoredChunk], weight: float, coverage: float
) -> None:
    found = {one.chunk.chunk_id for one in [*dense, *lexical]}
    rankings = [one_leg(dense=dense), one_leg(lexical=lexical)]
    for fused in (convex(dense, lexical, weight, coverage), reciprocal_rank(rankings, (1 - weight, weight))):
        assert sorted(keys(fused)) == sorted(found)
        assert all(0 <= one.score <= 1 for one in fused)
        assert [one.score for one in fused] == sorted((one.score for one in fused), reverse=True)


@given(DENSE, LEXICAL, WEIGHTS)
def test_what_is_best_in_both_legs_is_first(
    dense: list[ScoredChunk], lexical: list[ScoredChunk], weight: float
) -> None:
    dense, lexical = [scored("!", 1.0), *dense], [scored("!", 51.0), *lexical]
    assert keys(convex(dense, lexical, weight))[0] == "!"
    assert keys(reciprocal_rank([one_leg(dense=dense), one_leg(lexical=lexical)], (1 - weight, weight)))[0] == "!"


@given(legs_of(st.integers(1, 1_000).map(float)), legs_of(st.integers(1, 1_000).map(float)))
def test_a_weight_of_0_or_1_keeps_a_legs_own_order(dense: list[ScoredChunk], lexical: list[ScoredChunk]) -> None:
    by_dense = [one.dense for one in convex(dense, lexical, 0.0) if one.dense is not None]
    by_words = [one.lexical for one in convex(dense, lexical, 1.0) if one.lexical is not None]
    assert by_dense == [one.score for one in dense]
    assert by_words == [one.score for one in lexical]


@given(DENSE, LEXICAL, WEIGHTS, st.sampled_from([0.25, 0.5, 2.0, 4.0]))
def test_the_scale_of_bm25_does_not_matter(
    dense: list[ScoredChunk], lexical: list[ScoredChunk], weight: float, factor: float
) -> None:
    scaled = [ScoredChunk(one.chunk, one.score * factor) for one in lexical]
    assert keys(convex(dense, scaled, weight)) == keys(convex(dense, lexical, weight))
