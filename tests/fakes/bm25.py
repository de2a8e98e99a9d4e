"""BM25 in plain Python: what a chunk's words say of a text, by the formula of Robertson and Zaragoza, 2009."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from rag.models import Chunk
from rag.words import asked_words, searched_words

K1: Final = 1.2
B: Final = 0.75


class Bm25:
    """A collection's chunks, each as the words of its title, twice, of its headings and of its text."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self._words = {chunk.chunk_id: Counter(searched_words(_read(chunk))) for chunk in chunks}
        self._holding = Counter(word for words in self._words.values() for word in words)
        lengths = [words.total() for words in self._words.values()]
        self._mean = sum(lengths) / max(1, len(lengths)) or 1.0

    def score(self, text: str, chunk: Chunk) -> float:
        """Return the chunk's BM25 for a text, 0 if they share no word."""
        words = self._words[chunk.chunk_id]
        damping = K1 * (1 - B + B * words.total() / self._mean)
        return sum(
            self._rarity(word) * words[word] * (K1 + 1) / (words[word] + damping)
            for word in asked_words(text)
            if word in words
        )

    def _rarity(self, word: str) -> float:
        holding = self._holding[word]
        return math.log(1 + (len(self._words) - holding + 0.5) / (holding + 0.5))


def _read(chunk: Chunk) -> str:
    return f"{chunk.title} {chunk.title} {chunk.heading} {chunk.text}"
