"""Passages that say the same: copies left out, and the rest made more diverse where that is wanted."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from rag.models import Candidate
from rag.words import searched_words

# What file formats and word processors change about a text that nobody has changed.
_PLAIN: Final = str.maketrans("‘’“”\u2010\u2011\u2013", "''\"\"---", "\u00ad\u200b\ufeff")


def distinct(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """Yield the candidates that are no copies of a better one, in their order.

    A copy has the same title, heading and text, apart from white space, invisible characters, and the forms of
    quotation marks and dashes. Any other difference may be the answer: a figure, a sign, a name, the case of a unit.
    """
    seen: set[tuple[str, ...]] = set()
    for candidate in candidates:
        chunk = candidate.chunk
        said = tuple(map(_plain, (chunk.title, chunk.heading, chunk.text)))
        if said not in seen:
            seen.add(said)
            yield candidate


def diverse(candidates: Sequence[Candidate], diversity: float, count: int) -> list[Candidate]:
    """Return `count` candidates by maximal marginal relevance (Carbonell and Goldstein, 1998).

    Each next one has the greatest `(1 - diversity) * relevance - diversity * similarity`: its score by the width of all
    scores' range, and the Jaccard similarity of its words to those of the most similar one chosen before.
    """
    if diversity <= 0 or len(candidates) < 2:
        return list(candidates[:count])
    scores = [candidate.score for candidate in candidates]
    width = max(scores) - min(scores) or 1.0
    words = [frozenset(searched_words(candidate.chunk.embedded_text)) for candidate in candidates]
    nearest = [0.0] * len(candidates)
    left, chosen = list(range(len(candidates))), list[Candidate]()

    def gain(number: int) -> float:
        return (1 - diversity) * scores[number] / width - diversity * nearest[number]

    while left and len(chosen) < count:
        best = max(left, key=gain)  # of equals the first, which retrieval ranks before
        left.remove(best)
        chosen.append(candidates[best])
        for number in left:
            nearest[number] = max(nearest[number], similarity(words[number], words[best]))
    return chosen


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the Jaccard similarity of two sets: the part of all their members that both have."""
    both = len(one | other)
    return len(one & other) / both if both else 0.0


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).translate(_PLAIN).split())
