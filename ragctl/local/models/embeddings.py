"""WordLlama as an embedding model: static word vectors from weights that its package carries, offline."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]

DIMENSIONS = 256


@dataclass(frozen=True)
class Embeddings:
    """Unit vectors, one row per text in the order given, and what they cost in tokens."""

    vectors: Matrix
    tokens: int


@dataclass(frozen=True)
class SummedEmbeddings(Embeddings):
    """Embeddings, and the vectors' lengths before they were made unit vectors."""

    lengths: Matrix


class WordLlamaEmbedder:
    """Embeds text as the normalised sum of its tokens' vectors."""

    def __init__(self) -> None:
        with _root_logger_kept():
            import wordllama

        package = Path(wordllama.__file__).parent  # its loader looks for the tokenizer in the wrong folder by itself
        model = wordllama.WordLlama.load(cache_dir=package, dim=DIMENSIONS, disable_download=True)
        self._weights: Matrix = model.embedding
        self._tokenizer: Any = model.tokenizer
        self._tokenizer.no_padding()

    def embed(self, texts: Sequence[str], dimensions: int = DIMENSIONS) -> SummedEmbeddings:
        """Return vectors of shape (texts, dimensions) and the number of tokens in all.

        Each text is pooled by itself, not padded to its batch as WordLlama's own `embed` does: the same vector to the
        last bit whatever else is in the request, and four times as fast. A text without tokens has the zero vector.
        """
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        ids = [encoding.ids for encoding in encodings]
        sums = np.zeros((len(ids), DIMENSIONS), dtype=np.float32)
        for row, tokens in enumerate(ids):
            self._weights[tokens].sum(axis=0, out=sums[row])
        sums = sums[:, :dimensions]
        lengths = np.linalg.norm(sums, axis=1)
        vectors = sums / np.maximum(lengths, 1e-12)[:, None]
        return SummedEmbeddings(vectors.astype(np.float32), sum(map(len, ids)), lengths.astype(np.float32))

    def count(self, *texts: str) -> int:
        """Return the number of tokens in all texts."""
        return sum(len(each.ids) for each in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False))

    def truncated(self, text: str, tokens: int) -> str:
        """Return the beginning of a text that its first so many tokens, at least one, spell."""
        offsets = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return text if len(offsets) <= tokens else text[: offsets[tokens - 1][1]]


@contextmanager
def _root_logger_kept() -> Iterator[None]:
    """Undo what WordLlama's import does to logging: it has every library's INFO printed."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
