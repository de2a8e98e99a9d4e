"""Full-text search as Pinecone documents it: an analyser for English, and BM25 over a namespace's texts."""

import math
import re
from collections import Counter
from collections.abc import Mapping

import Stemmer

_MAX_TOKEN = 40
_STOP_WORDS = frozenset(
    """
    a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to
    was will with
    """.split()  # noqa: SIM905  # a list of words reads as words
)


def tokens(text: str) -> list[str]:
    """Return a text's tokens: split at white space and punctuation, in lower case, without stop words, stemmed."""
    stemmer = Stemmer.Stemmer("english")
    words = re.findall(r"[^\W_]+", text.lower())
    return [str(stemmer.stemWord(word)) for word in words if len(word) <= _MAX_TOKEN and word not in _STOP_WORDS]


class TextIndex:
    """Texts by key."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._counts = {key: Counter(tokens(text)) for key, text in texts.items()}
        lengths = [counts.total() for counts in self._counts.values()]
        self._average = sum(lengths) / len(lengths) if lengths else 0.0

    def scores(self, query: str, k1: float = 1.2, b: float = 0.75) -> dict[str, float]:
        """Return the BM25 of every text that shares a token with the query."""
        scores: dict[str, float] = {}
        for token in set(tokens(query)):
            held = {key: counts for key, counts in self._counts.items() if token in counts}
            rarity = math.log(1 + (len(self._counts) - len(held) + 0.5) / (len(held) + 0.5))
            for key, counts in held.items():
                norm = k1 * (1 - b + b * counts.total() / self._average)
                scores[key] = scores.get(key, 0.0) + rarity * counts[token] * (k1 + 1) / (counts[token] + norm)
        return scores
