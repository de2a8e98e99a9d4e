"""The metrics on examples that are worked out by hand from trec_eval's definitions."""

from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragctl.evaluation.metrics import METRICS, ndcg, recall, reciprocal_rank

GRADED = {"best": 3, "good": 2, "fair": 1, "bad": 0, "worse": -1}
RANKING = ["fair", "unjudged", "best", "bad", "worse"]

rankings = st.lists(st.sampled_from([*GRADED, "unjudged", "other"]), unique=True)


def test_ndcg_takes_the_grade_as_gain_and_discounts_by_the_binary_logarithm_of_rank_plus_one() -> None:
    gained = 1 / log2(2) + 3 / log2(4)
    ideal = 3 / log2(2) + 2 / log2(3) + 1 / log2(4)
    assert ndcg(RANKING, GRADED, 10) == pytest.approx(gained / ideal)
    assert ndcg(RANKING, GRADED, 10) == pytest.approx(0.525005, abs=1e-6)


def test_what_is_ideal_is_cut_off_too() -> None:
    assert ndcg(["best", "good"], GRADED, 2) == pytest.approx(1)
    assert ndcg(["good", "best"], GRADED, 2) == pytest.approx((2 + 3 / log2(3)) / (3 + 2 / log2(3)))
    assert ndcg(["bad", "good", "best"], GRADED, 1) == 0


def test_of_ten_that_count_the_eleventh_does_not() -> None:
    unjudged = [str(number) for number in range(10)]
    assert METRICS["ndcg@10"]([*unjudged[:9], "best"], {"best": 1}) == pytest.approx(1 / log2(11))
    assert METRICS["ndcg@10"]([*unjudged, "best"], {"best": 1}) == 0
    assert METRICS["mrr@10"]([*unjudged[:9], "best"], {"best": 1}) == pytest.approx(0.1)
    assert METRICS["mrr@10"]([*unjudged, "best"], {"best": 1}) == 0


def test_recall_counts_what_is_relevant_and_found_of_all_that_is_relevant() -> None:
    assert recall(RANKING, GRADED, 5) == pytest.approx(2 / 3)
    assert recall(RANKING, GRADED, 2) == pytest.approx(1 / 3)
    assert METRICS["recall@5"](["a", "b", "c", "d", "e", "best"], {"best": 1}) == 0
    assert METRICS["recall@100"](["a", "b", "c", "d", "e", "best"], {"best": 1}) == 1


def test_more_relevant_documents_than_places_leave_recall_below_one() -> None:
    assert recall(["a", "b", "c", "d", "e"], dict.fromkeys("abcdefghij", 1), 5) == 0.5


def test_the_reciprocal_rank_is_that_of_the_first_relevant_document_whatever_its_grade() -> None:
    assert reciprocal_rank(["unjudged", "bad", "fair", "best"], GRADED, 10) == pytest.approx(1 / 3)
    assert reciprocal_rank(["unjudged", "bad", "worse"], GRADED, 10) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_nothing_found_is_worth_nothing(metric: str) -> None:
    assert METRICS[metric]([], GRADED) == 0


@pytest.mark.parametrize("metric", METRICS)
def test_where_nothing_is_relevant_nothing_is_gained(metric: str) -> None:
    assert METRICS[metric](["bad"], {"bad": 0}) == 0


@pytest.mark.parametrize("metric", METRICS)
@given(ranking=rankings)
def test_values_lie_between_nothing_and_the_ideal_ranking(metric: str, ranking: list[str]) -> None:
    assert 0 <= METRICS[metric](ranking, GRADED) <= METRICS[metric](["best", "good", "fair"], GRADED) == 1


@pytest.mark.parametrize("metric", METRICS)
@given(ranking=rankings.filter(lambda found: len(found) > 1), data=st.data())
def test_moving_a_better_document_up_never_costs(metric: str, ranking: list[str], data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(ranking) - 1))
    above, below = ranking[place - 1], ranking[place]
    if GRADED.get(below, 0) >= GRADED.get(above, 0):
        swapped = [*ranking[: place - 1], below, above, *ranking[place + 1 :]]
        assert METRICS[metric](swapped, GRADED) >= METRICS[metric](ranking, GRADED)
