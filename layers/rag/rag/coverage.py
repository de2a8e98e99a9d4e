"""How much of a question a passage holds, word by word: a measure that no engine's scale of scores enters."""

import math
from collections import Counter
from collections.abc import Sequence

from rag.models import Chunk
from rag.words import asked_words, held_words


def coverage(question: str, chunks: Sequence[Chunk]) -> float:
    """Return the largest part of the question's words that one of the chunks holds in title, heading or text."""
    asked = set(asked_words(question))
    held = held_words(asked, [_read(chunk) for chunk in chunks])
    return max((len(words) / len(asked) for words in held), default=0.0) if asked else 0.0


def weighed_coverage(question: str, chunks: Sequence[Chunk]) -> float:
    """Return the part of the question's words that the first chunk holds, each counted by how rare it is among all.

    Rareness is BM25's inverse document frequency. So it is about what the first chunk's BM25 is of the one that a chunk
    with all of the words would get.
    """
    asked = dict.fromkeys(asked_words(question))  # in their order, on which sums of floats depend
    held = held_words(asked.keys(), [_read(chunk) for chunk in chunks])
    holding = Counter(word for words in held for word in words)
    rarity = {word: math.log(1 + (len(held) - holding[word] + 0.5) / (holding[word] + 0.5)) for word in asked}
    total = sum(rarity.values())
    return sum(weight for word, weight in rarity.items() if word in held[0]) / total if held and total else 0.0


def _read(chunk: Chunk) -> str:
    return f"{chunk.title}\n{chunk.heading}\n{chunk.text}"
