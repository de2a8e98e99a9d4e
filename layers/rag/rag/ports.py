"""The ports: what the use cases need from the world outside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from rag.filters import Filter
from rag.models import Completion, Embeddings, IndexedChunk, IndexEntry, Principal, ScoredChunk
from rag.vectors import Vector


class Credential(Protocol):
    """Gives a secret's value at the moment of use, since keys rotate."""

    def __call__(self, *, fresh: bool = False) -> str:
        """Return the value; `fresh` reads it again past any cache.

        Raises:
            SecretUnavailable: it is missing, empty or malformed.
            UpstreamUnavailable, UpstreamThrottled: it could not be read just now.
        """
        ...


class Embedder(Protocol):
    """Turns texts into vectors with one model."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    @property
    def dimensions(self) -> int:
        """Components of each vector."""
        ...

    @property
    def endpoint(self) -> str:
        """Where the model is served: two endpoints may serve different vectors under one name."""
        ...

    def embed(self, texts: Sequence[str]) -> Embeddings:
        """Return one vector of shape (dimensions,) and unit length per text, in the order given.

        Raises:
            TransientError: worth another attempt.
            PermanentError: not.
        """
        ...


class EmbeddingCache(Protocol):
    """Remembers vectors by key. It fails open: whatever goes wrong is a miss, never an error."""

    def get(self, keys: Sequence[str]) -> "Mapping[str, Vector[float]]":
        """Return the vectors of those keys that it holds."""
        ...

    def put(self, vectors: "Mapping[str, Vector[float]]") -> None:
        """Remember the vectors, as well as it can."""
        ...


class PassageSearch(Protocol):
    """Finds chunks by vector. Tenant and groups are enforced here, and nowhere above."""

    def search(
        self, vector: "Vector[float]", principal: Principal, top_k: int, where: Filter | None
    ) -> list[ScoredChunk]:
        """Return at most `top_k` chunks that the principal may read and `where` admits, best first.

        Raises:
            TransientError: worth another attempt.
            IndexUnavailable: the index does not exist or has other dimensions.
            PermanentError: any other refusal.
        """
        ...


class ChunkIndex(Protocol):
    """Writes chunks. Every call is about one tenant."""

    def upsert(self, tenant: str, chunks: Sequence[IndexedChunk]) -> None:
        """Store the chunks under their ids, in as many requests as the store's limits ask for."""
        ...

    def delete(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Delete the chunks with these ids; unknown ids are passed over."""
        ...

    def entries(self, tenant: str, document_ids: Sequence[str]) -> Iterable[IndexEntry]:
        """Return what the index holds of these documents, all versions."""
        ...

    def settle(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Block until the chunks, written before, are visible to searches at full speed.

        Raises:
            UpstreamUnavailable: they did not become visible in time.
        """
        ...


class ChatModel(Protocol):
    """Writes text with one model."""

    def complete(self, system: str, user: str) -> Completion:
        """Return the model's answer to one system and one user message.

        Raises:
            TransientError: worth another attempt.
            PermanentError: not.
        """
        ...
