"""The rule for "nothing relevant", fitted to questions that the documents answer and questions that they do not."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from statistics import fmean
from typing import Final

from rag.contract import ModeName
from rag.models import Candidate
from rag.relevance import RelevanceRule, features
from ragctl.evaluation.logistic import Logistic

FEATURES: Final[Mapping[ModeName, tuple[str, ...]]] = {
    "hybrid": ("dense", "coverage"),
    "dense": ("dense",),
    "lexical": ("coverage",),
    "pruned": ("dense", "coverage"),
}
STRICTNESS: Final = (0.1, 0.15, 0.3, 0.5)  # a question is refused below this probability of being answerable
RECOMMENDED: Final = 0.15  # what search lets through, the model may still refuse; what it refuses, nobody can answer
_HALVINGS: Final = 20
_SEED: Final = 20_261_122


@dataclass(frozen=True)
class Example:
    """A question as the rule sees it: what retrieval found for it, and whether a document answers it."""

    text: str
    candidates: Sequence[Candidate]
    answerable: bool

    @cached_property
    def features(self) -> Mapping[str, float]:
        """What rules weigh, by name."""
        return features(self.candidates, self.text)


@dataclass(frozen=True)
class Refusals:
    """How a rule did. Shares may be means over several halves, judged by rules fitted on the others."""

    false_refusals: float  # of the answerable questions, a share
    recall: float  # of the unanswerable questions, the share that is refused
    precision: float | None  # of the refused questions, the share that is unanswerable; None where none is refused

    @property
    def gain(self) -> float:
        """Youden's J: 1 for a rule that parts both kinds of questions, 0 for one that refuses all or none."""
        return self.recall - self.false_refusals


@dataclass(frozen=True)
class Calibration:
    """A rule for one mode: fitted to all questions, and how such rules do on questions that they were not fitted to."""

    mode: ModeName
    strictness: float
    rule: RelevanceRule
    fitted: Refusals
    cross_fitted: Refusals

    @property
    def vacuous(self) -> bool:
        """Whether the rule refuses nothing that could be refused: coverage, for one, is never below 0."""
        return self.fitted.recall == 0 or (set(self.rule.weights) == {"coverage"} and self.rule.threshold <= 0)

    def worse_than(self, used: Refusals) -> bool:
        """Whether such rules refuse fewer unanswerable questions, and do not make up for it with fewer false refusals.

        They are judged on questions that they were not fitted to.
        """
        return self.cross_fitted.recall < used.recall and self.cross_fitted.gain < used.gain


def calibrated(mode: ModeName, examples: Sequence[Example], strictness: float) -> Calibration:
    """Return the rule whose refusals have less than this probability of being answerable.

    A logistic regression on the mode's features, both kinds of questions weighing the same in all. It is divided by the
    first feature's weight, so that a rule reads `1 dense + ...`.
    """
    rule = fit(mode, examples, strictness)
    halves: list[Refusals] = []
    for number in range(_HALVINGS):
        one, other = halved(examples, Random(_SEED + number))  # noqa: S311 - no secret, and the same in every run
        for fitted_on, judged_on in ((one, other), (other, one)):
            halves.append(judged(fit(mode, fitted_on, strictness), judged_on))
    precisions = [half.precision for half in halves if half.precision is not None]
    cross = Refusals(
        fmean(half.false_refusals for half in halves),
        fmean(half.recall for half in halves),
        fmean(precisions) if precisions else None,
    )
    return Calibration(mode, strictness, rule, judged(rule, examples), cross)


def fit(mode: ModeName, examples: Sequence[Example], strictness: float) -> RelevanceRule:
    """Return the rule fitted to the examples, its numbers rounded as they are written."""
    names = FEATURES[mode]
    rows = [[example.features[name] for name in names] for example in examples]
    model = Logistic.fitted(rows, [example.answerable for example in examples])
    scale = model.weights[0]
    if scale <= 0:
        return RelevanceRule({names[0]: 1.0}, -1.0)
    weights = {name: round(weight / scale, 3) for name, weight in zip(names, model.weights, strict=True)}
    return RelevanceRule(weights, round(model.total_at(strictness) / scale, 3))


def judged(rule: RelevanceRule, examples: Sequence[Example]) -> Refusals:
    """Return how a rule does on questions."""
    refused = [not rule.admits(example.candidates, example.text) for example in examples]
    false = sum(no and example.answerable for no, example in zip(refused, examples, strict=True))
    right = sum(refused) - false
    answerable = sum(example.answerable for example in examples)
    return Refusals(
        false / answerable, right / (len(examples) - answerable), right / (right + false) if right + false else None
    )


def halved(examples: Sequence[Example], random: Random) -> tuple[list[Example], list[Example]]:
    """Return two halves by chance, each with half of the answerable and half of the unanswerable questions."""
    halves: tuple[list[Example], list[Example]] = ([], [])
    for kind in (True, False):
        alike = [example for example in examples if example.answerable is kind]
        random.shuffle(alike)
        halves[0].extend(alike[: len(alike) // 2])
        halves[1].extend(alike[len(alike) // 2 :])
    return halves
