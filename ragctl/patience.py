"""Retries for work that no state machine drives: the ports of the embedder and the index, with patience."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from rag.errors import TransientError
from rag.models import Embeddings, IndexedChunk, IndexEntry
from rag.ports import ChunkIndex, Embedder

T = TypeVar("T")

_ATTEMPTS: Final = 6
_FIRST_PAUSE: Final = 1.0  # seconds; each pause is a random part of its bound, and the bound doubles
_LONGEST_PAUSE: Final = 30.0


@dataclass(frozen=True)
class Patience:
    """Attempts a call again while its error is transient."""

    attempts: int = _ATTEMPTS
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, call: Callable[[], T]) -> T:
        """Return what the call returns.

        Raises:
            TransientError: the last attempt's.
        """
        bound = _FIRST_PAUSE
        for _ in range(self.attempts - 1):
            try:
                return call()
            except TransientError:
                self.sleep(random.uniform(0, bound))  # noqa: S311 - it spreads load, it guards nothing
                bound = min(2 * bound, _LONGEST_PAUSE)
        return call()


class PatientEmbedder:
    """An embedder that waits out throttling and short outages."""

    def __init__(self, embedder: Embedder, patience: Patience) -> None:
        self._embedder = embedder
        self._patience = patience

    @property
    def model(self) -> str:
        """The model's name."""
        return self._embedder.model

    @property
    def dimensions(self) -> int:
        """Components of each vector."""
        return self._embedder.dimensions

    @property
    def endpoint(self) -> str:
        """Where the model is served."""
        return self._embedder.endpoint

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return one vector per text, in the order given."""
        return self._patience(lambda: self._embedder.embed(texts))


class PatientIndex:
    """A chunk index that waits out throttling and short outages. Its writes may be repeated: they go by id."""

    def __init__(self, index: ChunkIndex, patience: Patience) -> None:
        self._index = index
        self._patience = patience

    def upsert(self, tenant: str, chunks: Sequence[IndexedChunk]) -> None:
        """Store the chunks under their ids."""
        self._patience(lambda: self._index.upsert(tenant, chunks))

    def delete(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Delete the chunks with these ids."""
        self._patience(lambda: self._index.delete(tenant, chunk_ids))

    def entries(self, tenant: str, document_ids: Sequence[str]) -> list[IndexEntry]:
        """Return what the index holds of these documents, all versions."""
        return self._patience(lambda: list(self._index.entries(tenant, document_ids)))

    def settle(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Block until the chunks are visible to searches."""
        self._patience(lambda: self._index.settle(tenant, chunk_ids))
