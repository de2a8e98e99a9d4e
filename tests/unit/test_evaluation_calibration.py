"""The rule for "nothing relevant" is fitted to questions, and judged on those that it was not fitted to."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from statistics import fmean

import pytest

from rag.contract import ModeName
from rag.models import Candidate
from rag.relevance import RelevanceRule
from rag.tuning import rules_of
from ragctl.evaluation.calibrating import InUse, Report
from ragctl.evaluation.calibration import (
    RECOMMENDED,
    STRICTNESS,
    Calibration,
    Example,
    Refusals,
    calibrated,
    fit,
    halved,
    judged,
)
from ragctl.evaluation.logistic import Logistic
from tests.fakes.fixed_results import found


def example(cosine: float, answerable: bool) -> Example:
    chunk = found(cosine, "the answer").chunk
    return Example("answer", [Candidate(replace(chunk, title=""), cosine, dense=cosine)], answerable)


def examples(answerable: float, unanswerable: float, spread: float = 0.05, number: int = 40) -> list[Example]:
    """Return questions of both kinds, whose best cosines lie around these."""
    random = Random(7)
    near = [example(random.gauss(answerable, spread), True) for _ in range(number)]
    return near + [example(random.gauss(unanswerable, spread), False) for _ in range(number * 3)]


def test_a_rule_parts_questions_that_can_be_parted() -> None:
    asked = examples(0.7, 0.2)
    rule = fit("dense", asked, 0.5)
    assert 0.3 < rule.threshold < 0.6
    assert judged(rule, asked) == Refusals(false_refusals=0.0, recall=1.0, precision=1.0)


def test_more_of_one_kind_of_question_does_not_move_the_threshold_towards_the_other() -> None:
    few, many = examples(0.7, 0.2, number=20), examples(0.7, 0.2, number=20)
    many += [one for one in examples(0.7, 0.2, number=200) if not one.answerable]
    assert fit("dense", many, 0.5).threshold == pytest.approx(fit("dense", few, 0.5).threshold, abs=0.03)


def test_the_stricter_the_more_is_refused() -> None:
    asked = examples(0.5, 0.35, spread=0.1)
    refused = [judged(fit("dense", asked, strictness), asked) for strictness in (0.1, 0.3, 0.5)]
    assert refused[0].recall < refused[1].recall < refused[2].recall
    assert refused[0].false_refusals < refused[1].false_refusals < refused[2].false_refusals


def test_precision_and_recall_are_those_of_refusal() -> None:
    asked = [example(0.9, True), example(0.1, True), example(0.1, False), example(0.2, False), example(0.8, False)]
    assert judged(RelevanceRule({"dense": 1.0}, 0.5), asked) == Refusals(
        false_refusals=1 / 2, recall=2 / 3, precision=2 / 3
    )


def test_a_rule_that_refuses_nothing_refuses_nothing_wrongly() -> None:
    asked = [example(0.9, True), example(0.1, False)]
    assert judged(RelevanceRule.parse("always"), asked) == Refusals(0.0, 0.0, None)


def test_a_feature_that_says_nothing_admits_everything() -> None:
    asked = [example(0.5, number % 2 == 0) for number in range(20)]
    assert judged(fit("dense", asked, 0.5), asked) == Refusals(0.0, 0.0, None)


def test_cross_fitting_judges_on_the_other_half_and_gives_the_same_every_time() -> None:
    asked = examples(0.5, 0.3, spread=0.12, number=30)
    once, again = calibrated("hybrid", asked, 0.3), calibrated("hybrid", asked, 0.3)
    assert once == again
    assert 0 < once.cross_fitted.recall < 1
    assert list(once.rule.weights) == ["dense", "coverage"]
    assert once.rule.weights["dense"] == 1


def test_halves_share_both_kinds_and_nothing_else() -> None:
    asked = examples(0.7, 0.2, number=10)
    one, other = halved(asked, Random(1))
    assert [sum(each.answerable for each in half) for half in (one, other)] == [5, 5]
    assert sorted(map(id, one + other)) == sorted(map(id, asked))


def test_the_regression_finds_the_weights_that_made_the_data() -> None:
    random = Random(2)
    rows = [[random.gauss(0, 1), random.gauss(0, 1)] for _ in range(20_000)]
    yes = [random.random() < 1 / (1 + 2.718281828 ** -(2 * first - second)) for first, second in rows]
    model = Logistic.fitted(rows, yes)
    assert model.weights == pytest.approx((2, -1), abs=0.1)
    assert model.total_at(0.5) == pytest.approx(0, abs=0.1)


NOTHING = Refusals(0, 0, None)
WELL = Refusals(0.02, 0.9, 0.99)


def each(
    mode: ModeName, rules: Mapping[ModeName, RelevanceRule], fitted: Refusals = WELL, cross_fitted: Refusals = WELL
) -> list[Calibration]:
    """Return the mode's rule at the strictness that is recommended, and another one at the others."""
    other = RelevanceRule({"dense": 1.0}, 0.9)
    return [
        Calibration(mode, strictness, rules[mode] if strictness == RECOMMENDED else other, fitted, cross_fitted)
        for strictness in STRICTNESS
    ]


def lexical(
    rule: str, in_use: Refusals, fitted: Refusals = WELL, cross_fitted: Refusals = WELL, used: str = "1 coverage >= 0.3"
) -> Report:
    """Return what was fitted for lexical mode, to ten questions that no document answers."""
    calibrations = each("lexical", {"lexical": RelevanceRule.parse(rule)}, fitted, cross_fitted)
    return Report(30, 10, [InUse("lexical", used, in_use)], calibrations)


def test_a_rule_that_refuses_nothing_is_not_recommended() -> None:
    report = lexical("1 coverage >= -0.208", WELL, NOTHING, NOTHING)
    assert report.parameter() == "lexical: 1 coverage >= 0.3"
    assert report.as_object()["RelevanceRule"] == report.parameter()
    last = list(report.lines())[-1]
    assert "p = 0.15: lexical" in last
    assert "10 unanswerable questions" in last
    assert last.endswith("They may be too few; add some with --unanswerable.")
    assert lexical("1 coverage >= -0.1", NOTHING, used="always").parameter() == "lexical: always"


def test_a_rule_that_refuses_less_than_the_one_in_use_is_not_recommended() -> None:
    worse = Refusals(0.01, 0.4, 0.9)
    assert lexical("1 coverage >= 0.1", WELL, cross_fitted=worse).parameter() == "lexical: 1 coverage >= 0.3"
    assert lexical("1 coverage >= 0.1", worse, cross_fitted=WELL).parameter() == "lexical: 1 coverage >= 0.1"


def test_a_rule_in_use_that_refuses_everything_does_not_stay() -> None:
    report = lexical("1 coverage >= 0.1", Refusals(1.0, 1.0, 0.25))
    assert report.parameter() == "lexical: 1 coverage >= 0.1"
    assert "--unanswerable" not in list(report.lines())[-1]


def test_less_strict_than_recommended_may_refuse_less() -> None:
    report = lexical("1 coverage >= 0.2", WELL)
    calibrations = [
        replace(one, cross_fitted=Refusals(0.0, 0.5, 1.0)) if one.strictness == STRICTNESS[0] else one
        for one in report.calibrations
    ]
    assert not replace(report, calibrations=calibrations).kept(STRICTNESS[0])


def test_where_nothing_is_refused_no_precision_is_printed() -> None:
    report = lexical("1 coverage >= -0.208", NOTHING, NOTHING, NOTHING)
    (used,) = (line for line in report.lines() if "0.0%" in line and line.startswith("lexical"))
    assert used.split()[-3:] == ["0.0%", "0.0%", "–"]
    assert report.as_object()["in_use"][0]["precision"] is None


def test_the_parameter_is_what_the_template_takes() -> None:
    rules: dict[ModeName, RelevanceRule] = {
        "hybrid": RelevanceRule({"dense": 1.0, "coverage": 0.4}, 0.28),
        "lexical": RelevanceRule({"coverage": 1.0}, 0.2),
    }
    report = Report(
        30,
        110,
        [InUse(mode, "always", NOTHING) for mode in rules],
        [one for mode in rules for one in each(mode, rules)],
    )
    assert rules_of(report.parameter()) == rules
    assert f"To deploy with p = 0.15: RelevanceRule={report.parameter()}" in list(report.lines())
    assert report.as_object()["RelevanceRule"] == report.parameter()


def test_a_rule_does_worse_on_the_half_that_it_was_not_fitted_to() -> None:
    asked = examples(0.5, 0.47, spread=0.1, number=5)
    halves = [half for number in range(20) for half in halved(asked, Random(number))]
    on_their_own = fmean(_gain(judged(fit("dense", half, 0.5), half)) for half in halves)
    assert _gain(calibrated("dense", asked, 0.5).cross_fitted) < on_their_own - 0.1


def _gain(refusals: Refusals) -> float:
    return refusals.recall - refusals.false_refusals
