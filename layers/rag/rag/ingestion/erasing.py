"""Erases chunks from a collection by their ids, and makes sure that they are gone."""

from collections.abc import Iterator, Sequence
from typing import Final

from rag.errors import UpstreamUnavailable
from rag.identity import embedding_key
from rag.index_pointer import IndexTarget
from rag.models import Chunk
from rag.ports import ChunkIndex, EmbeddingCache

_SLICE: Final = 1_000  # ids at once: the most that Pinecone deletes in one request


def erase(index: ChunkIndex, tenant: str, chunk_ids: Sequence[str]) -> None:
    """Delete the chunks and read back; what is not there is passed over.

    Raises:
        UpstreamUnavailable: the index still shows some of them.
        TransientError, PermanentError: as the index does.
    """
    for ids in slices(chunk_ids):
        index.delete(tenant, ids)
    for ids in slices(chunk_ids):
        if any(True for _ in index.fetch(tenant, ids)):
            raise UpstreamUnavailable("The index still shows chunks that were deleted from it.")


def slices(chunk_ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield the ids in portions that one request to the index may name."""
    return (chunk_ids[at : at + _SLICE] for at in range(0, len(chunk_ids), _SLICE))


def forget(cache: EmbeddingCache, tenant: str, endpoint: str, target: IndexTarget, chunks: Sequence[Chunk]) -> None:
    """Forget the cached vectors of the chunks' texts.

    Raises:
        TransientError: not all are gone.
    """
    keys = {embedding_key(tenant, endpoint, target.model, target.dimensions, chunk.embedded_text) for chunk in chunks}
    if keys:
        cache.forget(sorted(keys))
