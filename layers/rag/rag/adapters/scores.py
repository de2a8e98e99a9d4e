"""Scores of the vector stores: cosines on the dense leg, BM25 on the lexical one."""

import math

from rag.errors import MalformedResponse


def cosine(score: float) -> float:
    """Return the score without the rounding error beyond -1 and 1.

    Raises:
        MalformedResponse: it is no finite number. Clamped, NaN would become the best score there is.
    """
    return max(-1.0, min(1.0, _finite(score)))


def bm25(score: float) -> float:
    """Return the score with higher as better: Milvus Lite gives it below zero, as a distance; all others above.

    Both weigh a word by log(1 + (N - n + 0.5) / (n + 0.5)), which is positive, so the sign tells nothing else. Zero is
    that of a chunk that shares no word.

    Raises:
        MalformedResponse: it is no finite number.
    """
    return abs(_finite(score))


def _finite(score: float) -> float:
    if not math.isfinite(score):
        raise MalformedResponse("The vector store returned a score that is no finite number.")
    return score
