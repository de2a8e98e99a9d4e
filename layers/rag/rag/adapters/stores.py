"""The vector store that a deployment uses, opened collection by collection."""

from collections.abc import Callable
from functools import cache
from typing import Final, Literal, Protocol

from rag.adapters.secrets import Secret
from rag.identity import collection_name
from rag.index_pointer import IndexTarget
from rag.ports import ChunkIndex, Credential, PassageSearch
from rag.settings import IndexSettings

QUERY_DEADLINE_SECONDS: Final = 4.0
INGESTION_DEADLINE_SECONDS: Final = 60.0


class VectorStore(PassageSearch, ChunkIndex, Protocol):
    """A collection to read and to write."""


def pinecone_store(
    kind: Literal["document", "vector"], credential: Credential, host: str, dimensions: int, deadline_seconds: float
) -> VectorStore:
    """Open a Pinecone index of this kind."""
    if kind == "document":
        from rag.adapters.pinecone_document_store import PineconeDocumentStore

        return PineconeDocumentStore(credential, host, dimensions, deadline_seconds)
    from rag.adapters.pinecone_store import PineconeStore

    return PineconeStore(credential, host, dimensions, deadline_seconds)


def collections(
    settings: IndexSettings,
    deadline_seconds: float = INGESTION_DEADLINE_SECONDS,
    credential: Credential | None = None,
) -> Callable[[IndexTarget], VectorStore]:
    """Return what opens each collection once: connections are kept.

    One store's client is imported: each costs a cold start, and Milvus's is in its own layer.
    """
    key = credential or Secret(settings.secret)

    @cache
    def opened(target: IndexTarget) -> VectorStore:
        if settings.vector_store == "milvus":
            from rag.adapters.milvus_store import MilvusStore

            collection = collection_name(target.model, target.dimensions)
            return MilvusStore(key, settings.address, collection, target.dimensions, deadline_seconds)
        host = target.host or settings.address
        return pinecone_store(settings.pinecone_index_kind, key, host, target.dimensions, deadline_seconds)

    return opened
