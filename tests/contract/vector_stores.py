"""What the vector stores' contract is written in: a store, and a tenant of it."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from rag.filters import Filter, parse_filter
from rag.identity import chunk_id
from rag.models import Chunk, IndexedChunk, Principal, ScoredChunk
from rag.ports import ChunkIndex, PassageSearch
from rag.vectors import Vector, unit

DIMENSIONS = 8


class VectorStore(PassageSearch, ChunkIndex, Protocol):
    """What every adapter implements: both ports on one index."""


def direction(*components: float) -> "Vector[float]":
    """Return the vector of unit length that points there; components left out are zero."""
    return unit([*components, *[0.0] * (DIMENSIONS - len(components))])


NORTH = direction(1)


class Tenant:
    """One tenant's view of a store."""

    def __init__(self, store: VectorStore, name: str) -> None:
        self.store = store
        self.name = name

    def chunk(self, document_id: str, **fields: Any) -> Chunk:
        """Return a chunk of this tenant, with its proper key and fields of no matter unless given."""
        defaults: dict[str, Any] = {
            "version": "v1",
            "ordinal": 0,
            "title": "A title",
            "source": "folder/file.md",
            "text": f"Text of {document_id}.",
            "tokens": 5,
            "start": 0,
            "end": 10,
        }
        given = defaults | fields
        key = chunk_id(self.name, document_id, given["version"], given["ordinal"])
        return Chunk(chunk_id=key, document_id=document_id, **given)

    def load(self, *chunks: Chunk, vector: "Vector[float]" = NORTH) -> None:
        """Store the chunks at one vector and wait until searches see them."""
        self.load_at([(chunk, vector) for chunk in chunks])

    def load_at(self, placed: "Iterable[tuple[Chunk, Vector[float]]]") -> None:
        """Store the chunks, each at its vector, and wait until searches see them."""
        items = [IndexedChunk(chunk, vector) for chunk, vector in placed]
        self.store.upsert(self.name, items)
        self.store.settle(self.name, [item.chunk.chunk_id for item in items])

    def load_metadata(self, **documents: Mapping[str, str | float | bool]) -> None:
        """Store a chunk per document, each with its metadata."""
        self.load(*(self.chunk(name, metadata=metadata) for name, metadata in documents.items()))

    def search(
        self,
        where: object = None,
        *,
        groups: tuple[str, ...] = (),
        vector: "Vector[float]" = NORTH,
        top_k: int = 100,
    ) -> list[ScoredChunk]:
        """Search by one vector, with a filter as a caller writes it."""
        [found] = self.store.dense([vector], Principal(self.name, groups), top_k, _parsed(where))
        return found

    def lexical(
        self, text: str, where: object = None, *, groups: tuple[str, ...] = (), top_k: int = 100
    ) -> list[ScoredChunk]:
        """Search by the words of one text, with a filter as a caller writes it."""
        [found] = self.store.lexical([text], Principal(self.name, groups), top_k, _parsed(where))
        return found

    def finds(self, where: object = None, *, groups: tuple[str, ...] = ()) -> set[str]:
        """Return the ids of the documents that a search by vector finds."""
        return {passage.chunk.document_id for passage in self.search(where, groups=groups)}

    def finds_words(self, text: str, where: object = None, *, groups: tuple[str, ...] = ()) -> set[str]:
        """Return the ids of the documents that a search by words finds."""
        return {passage.chunk.document_id for passage in self.lexical(text, where, groups=groups)}


def _parsed(where: object) -> Filter | None:
    return None if where is None else parse_filter(where)
