"""The ports: what the use cases need from the world outside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from rag.filters import Filter
from rag.index_pointer import IndexPointer
from rag.models import Completion, Embeddings, IndexedChunk, IndexEntry, Principal, ScoredChunk
from rag.objects import ObjectContent, ObjectInfo
from rag.registration import LiveVersion, Registration
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

    def forget(self, keys: Sequence[str]) -> None:
        """Forget the vectors with these keys.

        Raises:
            TransientError: not all are gone. This alone does not fail open: somebody asked for it.
        """
        ...


class PassageSearch(Protocol):
    """Finds chunks by vector or by words. Tenant and groups are enforced here, and nowhere above.

    Several queries are one request where the store has such, and a bounded number of requests side by side where not.
    Every method raises:
        TransientError: worth another attempt.
        IndexUnavailable: the index does not exist, has other dimensions, or was made without the leg asked for.
        PermanentError: any other refusal.
    """

    def dense(
        self, vectors: "Sequence[Vector[float]]", principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        """Return, per vector, at most `top_k` chunks that the principal may read and `where` admits, nearest first."""
        ...

    def lexical(
        self, texts: Sequence[str], principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        """Return, per text, at most `top_k` such chunks that share a word with it, the highest BM25 first."""
        ...

    def similarities(
        self, vector: "Vector[float]", principal: Principal, chunk_ids: Sequence[str]
    ) -> Mapping[str, float]:
        """Return the cosine similarity of those chunks that the principal may read; others are left out."""
        ...


class ChunkIndex(Protocol):
    """Writes chunks, and reads back what was written. Every call is about one tenant.

    A store may show writes and deletions with a delay: what is read is sure to be the newest once it has settled.
    """

    def upsert(self, tenant: str, chunks: Sequence[IndexedChunk]) -> None:
        """Store the chunks under their ids, in as many requests as the store's limits ask for."""
        ...

    def delete(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Delete the chunks with these ids; unknown ids are passed over."""
        ...

    def entries(self, tenant: str, document_ids: Sequence[str]) -> Iterable[IndexEntry]:
        """Return what the index holds of these documents, all versions."""
        ...

    def fetch(self, tenant: str, chunk_ids: Sequence[str]) -> Iterable[IndexedChunk]:
        """Return the tenant's chunks with these ids, with their vectors, in any order; unknown ids are passed over."""
        ...

    def ids(self, tenant: str) -> Iterable[str]:
        """Return the ids of all chunks that the index holds of the tenant."""
        ...

    def settle(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Block until the chunks, written before, are visible to searches at full speed.

        Raises:
            UpstreamUnavailable: they did not become visible in time.
        """
        ...


class Reranker(Protocol):
    """Judges passages against a question, each pair read as a whole: slower than a search, and more precise."""

    def rerank(self, query: str, passages: Sequence[str]) -> list[float]:
        """Return one relevance per passage, in the order given; higher is better, the scale is the model's own.

        Raises:
            TransientError: it failed or was late.
            PermanentError: it refuses.
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


class LiveDocuments(Protocol):
    """Tells what readers may see: the part of the registry that the query path needs."""

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:
        """Return the live version of those documents that have one, read consistently.

        Raises:
            TransientError: the registry could not be read. Nothing may be shown then.
        """
        ...


class Registry(LiveDocuments, Protocol):
    """The truth about documents. Writing is optimistic: an entry is stored only if nobody did since it was read."""

    def load(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, Registration]:
        """Return one entry per id, read consistently; an unknown document's entry has revision 0.

        Raises:
            TransientError: worth another attempt.
        """
        ...

    def store(self, entries: Sequence[Registration]) -> Mapping[str, Registration]:
        """Store the entries of one tenant, and return what is stored now of each whose revision was outdated.

        An entry's revision is that at which it was read; storing raises it by one. Entries that are returned were not
        stored: decide about them again.

        Raises:
            TransientError: worth another attempt; some entries may be stored.
        """
        ...

    def documents(self, tenant: str, *, source: str | None = None) -> Iterable[Registration]:
        """Return the tenant's entries, or those of one source; they may be a moment old.

        Raises:
            TransientError: worth another attempt.
        """
        ...

    def tenants(self) -> Iterable[str]:
        """Return the tenants that ever had a document."""
        ...


class Pointer(Protocol):
    """Remembers which collection is live."""

    def read(self) -> IndexPointer:
        """Return the pointer, read consistently; where none is stored, one to the collection that was deployed.

        Raises:
            TransientError: worth another attempt.
        """
        ...

    def store(self, pointer: IndexPointer) -> bool:
        """Store the pointer unless somebody did since it was read; return whether it was stored."""
        ...


class ObjectStore(Protocol):
    """The bucket: documents as they were uploaded, staged chunks, and the results of bulk runs."""

    def info(self, key: str) -> ObjectInfo | None:
        """Return what is known of the current object without reading it, or None if there is none."""
        ...

    def read(self, key: str, *, start: int = 0, end: int | None = None) -> ObjectContent | None:
        """Return the current object, or its bytes from `start` up to `end`, or None if there is none."""
        ...

    def write(self, key: str, content: bytes) -> None:
        """Store an object."""
        ...

    def delete(self, keys: Sequence[str]) -> None:
        """Delete objects; unknown keys are passed over."""
        ...

    def list(self, prefix: str) -> Iterable[ObjectInfo]:
        """Return the current objects below a prefix, in the order of their keys."""
        ...
