"""Reranking: the best candidates are judged once more, each read together with the question, and reordered."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from rag.errors import MalformedResponse, RagError
from rag.models import Candidate
from rag.ports import Reranker

DEGRADED: Final = "rerank"  # what an answer's `degraded` holds when the fused order had to do

_QUESTION_CHARACTERS: Final = 2_000  # about 500 tokens: models share what they read between question and passage
_PASSAGE_CHARACTERS: Final = 8_000  # a chunk of the largest size; what a model cannot read, it cuts off


@dataclass(frozen=True, slots=True)
class Reranked:
    """Candidates, best first, and why they are in the order that they came in, if the reranker gave none.

    Scores never increase along them.
    """

    candidates: list[Candidate]
    failure: str | None = None


def rerank(reranker: Reranker, question: str, candidates: Sequence[Candidate], depth: int) -> Reranked:
    """Return the candidates with their best `depth` reordered by the reranker's relevance, which becomes their score.

    The others follow in their order, below the judged ones, whose lowest score is their highest. Where relevance is
    equal the order given decides. A reranker that fails, is late or answers nonsense changes nothing.
    """
    judged, others = candidates[:depth], candidates[depth:]
    if not judged:
        return Reranked(list(candidates))
    try:
        relevance = _relevance(reranker, question, judged)
    except RagError as error:
        return Reranked(list(candidates), f"{type(error).__name__}: {error}")
    scored = [replace(candidate, score=score) for candidate, score in zip(judged, relevance, strict=True)]
    lowest = min(relevance)
    return Reranked(
        [
            *sorted(scored, key=lambda candidate: -candidate.score),
            *(replace(candidate, score=min(candidate.score, lowest)) for candidate in others),
        ]
    )


def _relevance(reranker: Reranker, question: str, judged: Sequence[Candidate]) -> list[float]:
    passages = [candidate.chunk.embedded_text[:_PASSAGE_CHARACTERS] for candidate in judged]
    relevance = reranker.rerank(question[:_QUESTION_CHARACTERS], passages)
    if len(relevance) != len(passages):
        raise MalformedResponse(f"The reranker did not judge each of {len(passages)} passages once.")
    if not all(map(math.isfinite, relevance)):
        raise MalformedResponse("The reranker returned a relevance that is no finite number.")
    return relevance
