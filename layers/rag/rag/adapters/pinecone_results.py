"""What searches of a Pinecone index may return: what the principal reads, scored as expected, in order."""

from collections.abc import Iterable
from typing import Final

from rag.adapters.pinecone_filters import READERS
from rag.adapters.scores import cosine
from rag.errors import IndexUnavailable, InvalidRequest, MalformedResponse
from rag.models import Chunk, Principal, ScoredChunk

_ROUNDING: Final = 0.01  # how far float32 arithmetic may carry a dot product of unit vectors past 1


def namespace_of(tenant: str) -> str:
    """Return the namespace that holds a tenant.

    Raises:
        InvalidRequest: there is no tenant. Pinecone would read its default namespace.
    """
    if not tenant:
        raise InvalidRequest("tenant is empty.")
    return tenant


def is_open_to(chunk: Chunk, principal: Principal) -> bool:
    """Tell whether the principal may read the chunk."""
    return not set(chunk.readers).isdisjoint(principal.readers)


def readable(chunk: Chunk, principal: Principal) -> Chunk:
    """Return a chunk that a filtered search found.

    Raises:
        MalformedResponse: the principal may not read it, so the filter was not kept.
    """
    if not is_open_to(chunk, principal):
        raise MalformedResponse(f"Pinecone returned a record that its filter on {READERS} excludes.")
    return chunk


def similarity(score: float) -> float:
    """Return the cosine that a dot product of unit vectors is.

    Raises:
        MalformedResponse: it is no finite number.
        IndexUnavailable: it is none of unit vectors.
    """
    clamped = cosine(score)
    if abs(score - clamped) > _ROUNDING:
        raise IndexUnavailable("The Pinecone index does not score by the dot product of unit vectors.")
    return clamped


def best(found: Iterable[ScoredChunk], top_k: int) -> list[ScoredChunk]:
    """Return the best in order, which Pinecone does not promise; equals by their ids."""
    return sorted(found, key=lambda passage: (-passage.score, passage.chunk.chunk_id))[:top_k]


def check_dimensions(length: int, dimensions: int) -> None:
    """Check a vector's length.

    Raises:
        IndexUnavailable: it is another than the index was made for.
    """
    if length != dimensions:
        raise IndexUnavailable(
            f"The index holds vectors of {dimensions} dimensions, the embedding model makes {length}."
        )
