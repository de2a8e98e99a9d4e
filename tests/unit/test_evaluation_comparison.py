"""A drop is found, noise is none, and what cannot be compared is not."""

from pathlib import Path
from random import Random

import pytest

from ragctl.evaluation.bootstrap import paired_interval
from ragctl.evaluation.comparison import check_comparable, compared
from ragctl.evaluation.measurement import Measurement
from ragctl.failure import Failure

BEFORE = {f"q{number}": value for number, value in enumerate([1.0, 0.5, 0.0, 1.0, 0.25] * 60)}


def measurement(per_query: dict[str, float], mode: str = "hybrid", dataset: str = "scifact") -> Measurement:
    return Measurement.rounded(dataset, {mode: {"ndcg@10": per_query}})


def noisy(mean: float, seed: int) -> dict[str, float]:
    random = Random(seed)
    return {query: value + random.gauss(mean, 0.2) for query, value in BEFORE.items()}


def test_a_drop_of_every_query_is_a_drop() -> None:
    (change,) = compared(measurement(BEFORE), measurement({query: value - 0.01 for query, value in BEFORE.items()}))
    assert change.dropped
    assert change.interval.mean == pytest.approx(-0.01)
    assert change.line().startswith("hybrid ndcg@10 DROPPED: 0.5500 → 0.5400 (-0.0100; 95 % of resamples within")


@pytest.mark.parametrize("seed", range(5))
def test_a_drop_beyond_the_noise_is_found(seed: int) -> None:
    (change,) = compared(measurement(BEFORE), measurement(noisy(-0.05, seed)))
    assert change.dropped
    assert not change.rose


def test_noise_around_nothing_is_seldom_called_a_drop() -> None:
    changes = [compared(measurement(BEFORE), measurement(noisy(0, seed)))[0] for seed in range(100)]
    assert sum(change.dropped for change in changes) <= 8
    assert sum(change.rose for change in changes) <= 8


def test_a_rise_is_no_drop() -> None:
    (change,) = compared(measurement(BEFORE), measurement(noisy(0.05, 1)))
    assert change.rose
    assert not change.dropped


def test_equal_measurements_have_not_changed() -> None:
    (change,) = compared(measurement(BEFORE), measurement(BEFORE))
    assert (change.interval.low, change.interval.mean, change.interval.high) == (0, 0, 0)
    assert not change.dropped


def test_one_question_that_went_wrong_may_be_chance_and_five_may_not() -> None:
    right = dict.fromkeys(BEFORE, 1.0)
    one, five = ({**right, **{f"q{number}": 0.0 for number in range(wrong)}} for wrong in (1, 5))
    assert not compared(measurement(right), measurement(one))[0].dropped
    assert compared(measurement(right), measurement(five))[0].dropped


def test_the_interval_is_about_two_standard_errors_wide_and_the_same_in_every_run() -> None:
    random = Random(3)
    differences = [random.gauss(0.1, 0.5) for _ in range(400)]
    interval = paired_interval(differences)
    assert interval == paired_interval(differences)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * 0.5 / 20, rel=0.1)
    assert interval.low < interval.mean < interval.high


def test_a_mode_that_is_gone_fails() -> None:
    with pytest.raises(Failure, match=r"other modes .*only before: dense; only now: hybrid"):
        compared(measurement(BEFORE, "dense"), measurement(BEFORE))


def test_other_queries_fail() -> None:
    fewer = {query: value for query, value in BEFORE.items() if query != "q7"}
    with pytest.raises(Failure, match=r"other queries of hybrid ndcg@10 .*only before: q7"):
        compared(measurement(BEFORE), measurement(fewer))


def test_another_dataset_fails() -> None:
    with pytest.raises(Failure, match="of scifact, this is samples"):
        compared(measurement(BEFORE), measurement(BEFORE, dataset="samples"))


def test_other_queries_and_another_dataset_are_told_before_anything_is_measured() -> None:
    baseline = Measurement("scifact", {**measurement(BEFORE).values, "answers": {"refused": {"u1": 1.0}}})
    check_comparable(baseline, "scifact", BEFORE)
    with pytest.raises(Failure, match="of scifact, this is samples"):
        check_comparable(baseline, "samples", BEFORE)
    with pytest.raises(Failure, match=r"other queries of hybrid ndcg@10 .*only now: new"):
        check_comparable(baseline, "scifact", [*BEFORE, "new"])


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    measured = Measurement.rounded("x", {"hybrid": {"ndcg@10": {'a"é': 1 / 3}}, "answers": {"cited": {"q": 1.0}}})
    measured.save(tmp_path / "baseline.json")
    assert Measurement.load(tmp_path / "baseline.json") == measured
    assert measured.values["hybrid"]["ndcg@10"] == {'a"é': 0.333333}
    assert compared(Measurement.load(tmp_path / "baseline.json"), measured)[0].interval.mean == 0


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"dataset": "x", "values": {"hybrid": {"ndcg@10": [1]}}}', "\xff"]
)
def test_a_file_that_is_no_baseline_fails_in_one_line(tmp_path: Path, content: str) -> None:
    path = tmp_path / "baseline.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(Failure, match=r"baseline\.json is not what --save writes"):
        Measurement.load(path)


def test_a_baseline_that_is_missing_fails_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="--save"):
        Measurement.load(tmp_path / "baseline.json")
