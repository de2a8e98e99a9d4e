"""Texts as sparse vectors for BM25: the store multiplies a chunk's weights with a question's, and knows no corpus.

A chunk's side holds what BM25 takes from the chunk, with an assumed average length; a question's side how much each of
its words tells, by how common it is in English, since nobody counts those of the corpus. Both are pure functions of the
text, so that writing a chunk again, wherever it comes from, writes the same vector.

How common words are comes from `common_words.json`: the stems of English words, the commonest first, in the order in
which their words have entered the vocabulary of a tokenizer. `scripts/common_words.py` makes it anew.
"""

import json
import math
import zlib
from collections import Counter
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

from rag.models import Chunk
from rag.words import asked_words, searched_words

SparseValues = dict[str, list[int] | list[float]]  # as Pinecone takes them: "indices" and "values"

MAX_TERMS: Final = 1_000  # https://docs.pinecone.io/reference/api/database-limits

_K1: Final = 1.2
_B: Final = 0.75
_AVERAGE_WORDS: Final = 120  # of a chunk of 200 tokens with its title and heading, without stop words
_HALF: Final = 10  # the rank of a word that half of all chunks hold
_UNSEEN: Final = 30_000  # the rank of a word that is not among the common ones: the vocabulary has 15,000 stems


def chunk_terms(chunk: Chunk) -> SparseValues | None:
    """Return what BM25 takes from a chunk, its title counted double; None if it holds no word.

    Of each word that is tf * (k1 + 1) / (tf + k1 * (1 - b + b * length / average length)), with k1 = 1.2, b = 0.75.
    """
    counts = Counter(searched_words("\n".join((chunk.title, chunk.title, chunk.heading, chunk.text))))
    norm = _K1 * (1 - _B + _B * counts.total() / _AVERAGE_WORDS)
    return _sparse((word, count * (_K1 + 1) / (count + norm)) for word, count in counts.items())


def question_terms(text: str) -> SparseValues | None:
    """Return how much each word of a question tells; None if it holds no word.

    That is log(1 + rank / 10), BM25's log(N / n) by Zipf's law, where n = N * 10 / (10 + rank) of N chunks hold a word.
    """
    ranks = _ranks()
    return _sparse((word, math.log1p(ranks.get(word, _UNSEEN) / _HALF)) for word in dict.fromkeys(asked_words(text)))


def _sparse(weights: Iterable[tuple[str, float]]) -> SparseValues | None:
    """Return the heaviest words' weights, by the 32-bit number of each word."""
    heaviest = sorted(weights, key=lambda item: -item[1])[:MAX_TERMS]
    by_number: dict[int, float] = {}
    for word, weight in heaviest:
        by_number.setdefault(zlib.crc32(word.encode()), weight)
    return {"indices": list(by_number), "values": list(by_number.values())} if by_number else None


@cache
def _ranks() -> dict[str, int]:
    table = json.loads(Path(__file__).with_name("common_words.json").read_text(encoding="utf-8"))
    return {stem: rank for rank, stem in enumerate(" ".join(table["stems"]).split(), start=1)}
