"""Scores of the vector stores, which are to be cosines."""

import math

from rag.errors import MalformedResponse


def cosine(score: float) -> float:
    """Return the score without the rounding error beyond -1 and 1.

    Raises:
        MalformedResponse: it is no finite number. Clamped, NaN would become the best score there is.
    """
    if not math.isfinite(score):
        raise MalformedResponse("The vector store returned a score that is no finite number.")
    return max(-1.0, min(1.0, score))
