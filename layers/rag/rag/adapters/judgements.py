"""What rerankers answer, whatever their API: pairs of a passage's place and its relevance, in any order."""

from collections.abc import Iterable
from typing import Final

from rag.errors import MalformedResponse

RERANKER: Final = "The reranker"  # how messages begin, whichever it is
NO_JUDGEMENTS: Final = f"{RERANKER} did not answer in the form of its API: check RerankBaseUrl and RerankModel."


def in_order(judgements: Iterable[tuple[int, float]], passages: int) -> list[float]:
    """Return the relevance of each passage, in the order asked.

    Raises:
        MalformedResponse: a passage is judged twice, or not at all.
    """
    pairs = list(judgements)
    by_place = dict(pairs)
    if len(pairs) != passages or by_place.keys() != set(range(passages)):
        raise MalformedResponse(f"{RERANKER} did not judge each of {passages} passages once.")
    return [by_place[place] for place in range(passages)]
