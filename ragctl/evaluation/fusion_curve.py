"""Quality against the weight of the lexical leg, computed from candidates that are found once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from statistics import fmean
from typing import Final

from rag.fusion import one_leg, ranked
from rag.models import Candidate, ScoredChunk
from rag.retrieval import fused
from ragctl.evaluation.datasets import Dataset
from ragctl.evaluation.metrics import ndcg
from ragctl.evaluation.ranking import Ranker, distinct

CUTOFF: Final = 10
_STEPS: Final = 20
_FLAT: Final = 0.0005  # of nDCG: within it weights count as equally good


@dataclass(frozen=True)
class FusionCurve:
    """nDCG@10 by lexical weight, of each leg alone, and at the weight in use."""

    dataset: str
    queries: int
    model: str
    points: Mapping[float, float]
    dense: float
    lexical: float
    used_weight: float
    used: float

    @property
    def best_weight(self) -> float:
        """The middle of the widest stretch of weights as good as the best; if two are as wide, of the better one."""
        top = max(self.points.values())
        stretches: list[list[float]] = [[]]
        for weight, value in self.points.items():
            if value >= top - _FLAT:
                stretches[-1].append(weight)
            else:
                stretches.append([])
        widest = max(filter(None, stretches), key=lambda found: (len(found), max(self.points[one] for one in found)))
        return widest[(len(widest) - 1) // 2]

    def line(self) -> str:
        """Return what it says about the weight, as a sentence."""
        best = self.best_weight
        return (
            f"{self.model}: best lexical weight {best:g} (nDCG@10 {self.points[best]:.4f}), in use "
            f"{self.used_weight:g} ({self.used:.4f}); dense alone {self.dense:.4f}, lexical alone {self.lexical:.4f}"
        )


def fusion_curve(ranker: Ranker, dataset: Dataset) -> FusionCurve:
    """Return the curve of a dataset's queries; each is searched for once, in hybrid mode."""
    questions = ranker.embedded(list(dataset.queries.values()))
    found = ranker.candidates("hybrid", questions)
    legs = [(_leg(candidates, "dense"), _leg(candidates, "lexical")) for candidates in found]
    judged = [dataset.judgements[query] for query in dataset.queries]
    tuning = ranker.retriever.tuning_of(ranker.target.model)

    def quality(rankings: Iterable[Sequence[Candidate]]) -> float:
        return fmean(map(partial(ndcg, cutoff=CUTOFF), map(distinct, rankings), judged))

    def fusions(weight: float) -> list[list[Candidate]]:
        weighted = replace(tuning, lexical_weight=weight)
        return [fused(asked.text, *pair, weighted) for asked, pair in zip(questions, legs, strict=True)]

    ends = list(zip(fusions(0), fusions(1), strict=True))
    return FusionCurve(
        dataset=dataset.name,
        queries=len(dataset.queries),
        model=ranker.target.model,
        points={
            weight: quality(between(*pair, weight) for pair in ends)
            for weight in (step / _STEPS for step in range(_STEPS + 1))
        },
        dense=quality(one_leg(dense=dense) for dense, _ in legs),
        lexical=quality(one_leg(lexical=lexical) for _, lexical in legs),
        used_weight=tuning.lexical_weight,
        used=quality(fusions(tuning.lexical_weight)),
    )


def between(dense_end: Sequence[Candidate], lexical_end: Sequence[Candidate], weight: float) -> list[Candidate]:
    """Return the fusion at a weight, given those at 0 and 1: every score is linear in it, with either fusion."""
    scores = {candidate.chunk.chunk_id: candidate.score for candidate in dense_end}
    return ranked(
        replace(candidate, score=(1 - weight) * scores[candidate.chunk.chunk_id] + weight * candidate.score)
        for candidate in lexical_end
    )


def _leg(candidates: Sequence[Candidate], name: str) -> list[ScoredChunk]:
    """Return what one leg gave to the candidates, best first."""
    scores = [(candidate, getattr(candidate, name)) for candidate in candidates]
    scored = [ScoredChunk(candidate.chunk, score) for candidate, score in scores if score is not None]
    return sorted(scored, key=lambda found: (-found.score, found.chunk.chunk_id))
