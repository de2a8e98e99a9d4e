"""Two rankings into one: convex combination of normalised scores, and reciprocal rank fusion."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from rag.models import Candidate, ScoredChunk

RANK_CONSTANT: Final = 60  # of Cormack, Clarke and Büttcher, 2009; how much the first ranks are ahead of later ones


def convex(
    dense: Sequence[ScoredChunk], lexical: Sequence[ScoredChunk], lexical_weight: float, coverage: float = 1.0
) -> list[Candidate]:
    """Return all chunks of both legs, ranked by `w * coverage * lexical + (1 - w) * dense`, each in 0 to 1.

    A leg's score is divided by that of its best chunk, so that what is normalised keeps its ratios; a cosine below 0
    counts as 0. What the lexical leg has not found has no word of the question or few, and counts as 0; what the dense
    leg has not found is no nearer than its last one, and counts as that. `coverage` says how much of the question the
    best of the lexical leg holds: where words fail, they count for less.
    """
    near, worded = _shares(dense), _shares(lexical)
    farthest = min(near.values(), default=0.0)

    def score(key: str) -> float:
        return (1 - lexical_weight) * near.get(key, farthest) + lexical_weight * coverage * worded.get(key, 0.0)

    return ranked(replace(found, score=score(found.chunk.chunk_id)) for found in _united(dense, lexical))


def reciprocal_rank(
    legs: Sequence[Sequence[Candidate]], weights: Sequence[float] | None = None, k: int = RANK_CONSTANT
) -> list[Candidate]:
    """Return the candidates of all rankings, ranked by the sum of `weight / (k + rank)`, ranks from 1.

    The score is that sum as a part of the greatest possible one, so that it lies in 0 to 1. Each candidate keeps the
    best score that any ranking has from a leg.
    """
    weights = [1.0] * len(legs) if weights is None else weights
    sums: dict[str, float] = {}
    best: dict[str, Candidate] = {}
    for leg, weight in zip(legs, weights, strict=True):
        for rank, candidate in enumerate(leg, start=1):
            key = candidate.chunk.chunk_id
            sums[key] = sums.get(key, 0.0) + weight / (k + rank)
            best[key] = _better(best[key], candidate) if key in best else candidate
    greatest = sum(weights) / (k + 1) or 1.0
    return ranked(
        Candidate(found.chunk, min(1.0, sums[key] / greatest), found.dense, found.lexical)
        for key, found in best.items()
    )


def one_leg(dense: Sequence[ScoredChunk] = (), lexical: Sequence[ScoredChunk] = ()) -> list[Candidate]:
    """Return one leg's chunks as candidates, ranked by its own scores."""
    return ranked(
        [
            *(Candidate(found.chunk, found.score, dense=found.score) for found in dense),
            *(Candidate(found.chunk, found.score, lexical=found.score) for found in lexical),
        ]
    )


def _united(dense: Sequence[ScoredChunk], lexical: Sequence[ScoredChunk]) -> list[Candidate]:
    """Return each chunk of both legs once, with what they gave it, in no order and without a score."""
    near = {found.chunk.chunk_id: found.score for found in dense}
    worded = {found.chunk.chunk_id: found.score for found in lexical}
    chunks = {found.chunk.chunk_id: found.chunk for found in [*lexical, *dense]}
    return [Candidate(chunk, 0.0, near.get(key), worded.get(key)) for key, chunk in chunks.items()]


def _shares(leg: Sequence[ScoredChunk]) -> dict[str, float]:
    top = max((found.score for found in leg), default=0.0)
    return {found.chunk.chunk_id: max(0.0, found.score) / top if top > 0 else 0.0 for found in leg}


def _better(one: Candidate, other: Candidate) -> Candidate:
    return Candidate(one.chunk, one.score, _greater(one.dense, other.dense), _greater(one.lexical, other.lexical))


def _greater(one: float | None, other: float | None) -> float | None:
    known = [score for score in (one, other) if score is not None]
    return max(known, default=None)


def ranked(candidates: Iterable[Candidate]) -> list[Candidate]:
    """Return the candidates, best first; of equals the one with the greater cosine, then BM25, then the lesser id."""

    def place(found: Candidate) -> tuple[float, float, float, str]:
        dense, lexical = (-math.inf if score is None else score for score in (found.dense, found.lexical))
        return -found.score, -dense, -lexical, found.chunk.chunk_id

    return sorted(candidates, key=place)
