"""One run of `rag eval --calibrate`: search for every question, fit a rule for each mode, tell what it would refuse."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from rag.contract import ModeName
from rag.errors import IndexUnavailable
from ragctl.deployment import Deployment
from ragctl.evaluation.answers import read_questions
from ragctl.evaluation.calibration import RECOMMENDED, STRICTNESS, Calibration, Example, Refusals, calibrated, judged
from ragctl.evaluation.datasets import read_queries
from ragctl.evaluation.ranking import Progress, Ranker
from ragctl.evaluation.wired import ranker
from ragctl.failure import Failure

_FEWEST: Final = 4  # of each kind: two halves of two


@dataclass(frozen=True)
class InUse:
    """The rule that a deployment has for a mode, and how it does."""

    mode: ModeName
    rule: str
    refusals: Refusals


@dataclass(frozen=True)
class Report:
    """What was fitted to how many questions."""

    answerable: int
    unanswerable: int
    in_use: Sequence[InUse]
    calibrations: Sequence[Calibration]

    def parameter(self, strictness: float = RECOMMENDED) -> str:
        """Return the value of the template's parameter RelevanceRule that sets the rules of one strictness.

        A mode for which nothing better was fitted keeps the rule in use.
        """
        kept = self.kept(strictness)
        chosen = [one for one in self.calibrations if one.strictness == strictness]
        return "; ".join(f"{one.mode}: {kept.get(one.mode, one.rule)}" for one in chosen)

    def kept(self, strictness: float = RECOMMENDED) -> dict[ModeName, str]:
        """Return the rules in use of the modes whose fitted rule refuses nothing, or does worse.

        One that is less strict than recommended is meant to refuse less: there, the recommended one is judged.
        """
        fitted = {(one.mode, one.strictness): one for one in self.calibrations}
        return {
            used.mode: used.rule
            for used in self.in_use
            if fitted[used.mode, strictness].vacuous
            or fitted[used.mode, max(strictness, RECOMMENDED)].worse_than(used.refusals)
        }

    def lines(self) -> Iterator[str]:
        """Yield it as lines of text."""
        yield f"{self.answerable:,} answerable questions, {self.unanswerable:,} unanswerable ones."
        yield ""
        yield f"{'':31}{'on all questions':>34}   {'on the half not fitted to':>34}"
        columns = f"{'falsely':>12}{'rightly':>11}{'precision':>11}"
        yield f"{'mode':10}{'refuse below':21}{columns}   {columns}"
        for used in self.in_use:
            yield f"{used.mode:10}{'as it is':21}{_told(used.refusals)}"
            for one in self.calibrations:
                if one.mode == used.mode:
                    yield f"{'':10}{f'p = {one.strictness:g}':21}{_told(one.fitted)}   {_told(one.cross_fitted)}"
        yield ""
        yield "falsely: answerable questions refused. rightly: unanswerable questions refused (recall of refusal)."
        yield "precision: refused questions that are unanswerable. p: that a question is answerable, at the threshold."
        yield ""
        for used in self.in_use:
            yield f"{used.mode:10}{'as it is:':10}{used.rule}"
            for one in self.calibrations:
                if one.mode == used.mode:
                    yield f"{'':10}{f'p = {one.strictness:g}:':10}{one.rule}"
        yield ""
        for strictness in STRICTNESS:
            yield f"To deploy with p = {strictness:g}: RelevanceRule={self.parameter(strictness)}"
        kept = {strictness: self.kept(strictness) for strictness in STRICTNESS}
        if any(kept.values()):
            where = "; ".join(f"p = {strictness:g}: {', '.join(modes)}" for strictness, modes in kept.items() if modes)
            yield (
                f"The rule in use is kept ({where}): rules fitted to {self.unanswerable:,} unanswerable questions "
                "refuse nothing, or less than it does. They may be too few; add some with --unanswerable."
            )

    def as_object(self) -> dict[str, Any]:
        """Return it as plain objects."""
        return {
            "answerable": self.answerable,
            "unanswerable": self.unanswerable,
            "in_use": [{"mode": one.mode, "rule": one.rule, **_object(one.refusals)} for one in self.in_use],
            "calibrations": [
                {
                    "mode": one.mode,
                    "p": one.strictness,
                    "rule": str(one.rule),
                    "fitted": _object(one.fitted),
                    "cross_fitted": _object(one.cross_fitted),
                }
                for one in self.calibrations
            ],
            "RelevanceRule": self.parameter(),
        }


def calibrate(
    deployment: Deployment,
    files: Sequence[Path],
    unanswerable: Sequence[Path],
    limit: int | None,
    tenant: str,
    tell: Progress,
) -> Report:
    """Search a tenant for the questions of files, and for others that it does not answer, and fit a rule for each mode.

    `limit` is how many of each file of unanswerable questions are taken.

    Raises:
        Failure: a file is malformed, or there are too few questions of one kind.
        RagError: as the adapters do.
    """
    asked = [(question.text, question.document is not None) for question in read_questions(*files)]
    for path in unanswerable:
        asked += [(text, False) for text in list(read_queries(path).values())[:limit]]
    answerable = sum(answers for _, answers in asked)
    if min(answerable, len(asked) - answerable) < _FEWEST:
        raise Failure(
            f"{answerable} questions are answerable and {len(asked) - answerable} are not: a rule needs at least "
            f"{_FEWEST} of each. Add some to --answers, or a file with --unanswerable."
        )
    ranks = ranker(deployment, tenant)
    in_use: list[InUse] = []
    found: list[Calibration] = []
    for mode in get_args(ModeName):
        tell(f"Searching: {mode}")
        try:
            examples = _examples(ranks, mode, asked)
        except IndexUnavailable as error:
            tell(f"Left out: {mode}. {error}")
            continue
        rule = ranks.retriever.tuning_of(ranks.target.model).relevance[mode]
        in_use.append(InUse(mode, str(rule), judged(rule, examples)))
        found += [calibrated(mode, examples, strictness) for strictness in STRICTNESS]
    if not in_use:
        raise Failure("The index could be searched in no mode: rag doctor tells what is wrong with it.")
    return Report(answerable, len(asked) - answerable, in_use, found)


def _examples(ranks: Ranker, mode: ModeName, asked: Sequence[tuple[str, bool]]) -> list[Example]:
    texts = [text for text, _ in asked]
    found = ranks.candidates(mode, ranks.embedded(texts))
    if not any(found):
        raise Failure(f"The tenant {ranks.principal.tenant} holds no documents. Load them with: rag ingest")
    return [Example(text, candidates, answers) for (text, answers), candidates in zip(asked, found, strict=True)]


def _told(refusals: Refusals) -> str:
    precision = "–" if refusals.precision is None else f"{refusals.precision:.1%}"
    return f"{refusals.false_refusals:12.1%}{refusals.recall:11.1%}{precision:>11}"


def _object(refusals: Refusals) -> dict[str, float | None]:
    return {
        "false_refusals": round(refusals.false_refusals, 4),
        "recall": round(refusals.recall, 4),
        "precision": None if refusals.precision is None else round(refusals.precision, 4),
    }
