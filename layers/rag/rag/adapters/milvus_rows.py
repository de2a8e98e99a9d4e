"""Chunks as rows of the Milvus collection, and back."""

import json
import math
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from rag.adapters.milvus_filters import canonical, kind, literal
from rag.errors import IndexUnavailable, InvalidRequest, MalformedResponse
from rag.filters import MAX_INTEGER, Scalar
from rag.models import EVERYONE, Chunk, IndexedChunk, ScoredChunk
from rag.words import searched_words

Row = dict[str, Any]

MAX_VARCHAR: Final = 65_535  # bytes of UTF-8, Milvus's own limit, for strings as for JSON
MAX_READERS: Final = 64
MAX_BYTES: Final = {  # declared in the schema; a tenant's and a group's name have at most 63 characters
    "id": 32,
    "tenant": 64,
    "document_id": 1_024,  # what an S3 key may have
    "version": 128,
    "title": 4_096,
    "source": 4_096,
    "heading": 4_096,
    "text": MAX_VARCHAR,
}
OUTPUT_FIELDS: Final = (
    *("id", "document_id", "version", "ordinal", "title", "source", "text", "tokens", "start", "end"),
    *("heading", "page", "readers", "meta"),
)
_MAX_ROWS: Final = 500
_MAX_REQUEST_BYTES: Final = 4_000_000  # a sixteenth of what a Milvus proxy takes in one message


def row(tenant: str, indexed: IndexedChunk, dimensions: int) -> Row:
    """Return the row of a chunk.

    Raises:
        IndexUnavailable: the vector has other dimensions.
        InvalidRequest: the chunk exceeds a limit of the schema. The message names the field.
    """
    chunk = indexed.chunk
    if len(indexed.vector) != dimensions:
        raise IndexUnavailable(f"The Milvus collection holds vectors of {dimensions} dimensions.")
    if len(chunk.readers) > MAX_READERS:
        raise InvalidRequest(f"A document has at most {MAX_READERS} groups.")
    texts = {
        "id": chunk.chunk_id,
        "tenant": tenant,
        "document_id": chunk.document_id,
        "version": chunk.version,
        "title": chunk.title,
        "source": chunk.source,
        "heading": chunk.heading,
        "text": chunk.text,
    }
    for field, text in texts.items():
        if _size(field, text) > MAX_BYTES[field]:
            raise InvalidRequest(f"A chunk's {field} exceeds {MAX_BYTES[field]} bytes.")
    for name in (tenant, chunk.chunk_id, chunk.document_id, *chunk.readers):
        literal(name)  # what no expression could name could never be found or deleted again
    return {
        **texts,
        "vector": indexed.vector,
        "ordinal": chunk.ordinal,
        "tokens": chunk.tokens,
        "start": chunk.start,
        "end": chunk.end,
        "page": chunk.page,
        "readers": list(chunk.readers),
        "open_to_tenant": EVERYONE in chunk.readers,
        "search_text": _search_text(chunk),
        "meta": _metadata(chunk.metadata),
    }


def chunk(entity: Mapping[str, Any]) -> Chunk:
    """Return the chunk that a row's output fields hold.

    Raises:
        MalformedResponse: they are not those of a chunk.
    """
    try:
        readers = tuple(entity["readers"])
        return Chunk(
            chunk_id=entity["id"],
            document_id=entity["document_id"],
            version=entity["version"],
            ordinal=entity["ordinal"],
            title=entity["title"],
            source=entity["source"],
            text=entity["text"],
            tokens=entity["tokens"],
            start=entity["start"],
            end=entity["end"],
            heading=entity["heading"],
            page=entity["page"],
            groups=() if readers == (EVERYONE,) else readers,
            metadata={key.partition(":")[2]: value for key, value in entity["meta"].items()},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise MalformedResponse("Milvus returned a row that is not a chunk.") from error


def indexed_chunk(entity: Mapping[str, Any]) -> IndexedChunk:
    """Return the chunk that a row's output fields hold, with the vector that is among them.

    Raises:
        MalformedResponse: they are not those of a chunk with a vector.
    """
    found = chunk(entity)
    try:
        return IndexedChunk(found, array("f", entity["vector"]))
    except (KeyError, TypeError) as error:
        raise MalformedResponse("Milvus returned a row that is not a chunk.") from error


def ranked(hits: Iterable[Mapping[str, Any]], scale: Callable[[float], float]) -> list[ScoredChunk]:
    """Return a search's hits, the best first by what `scale` makes of their distances, equal ones by id.

    Raises:
        MalformedResponse: a row is not that of a chunk, or a distance is no finite number.
    """
    scored = [ScoredChunk(chunk({**hit["entity"], "id": hit["id"]}), scale(hit["distance"])) for hit in hits]
    return sorted(scored, key=lambda found: (-found.score, found.chunk.chunk_id))


def batches(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Yield the rows in groups that fit into one request each."""
    batch: list[Row] = []
    size = 0
    for candidate in rows:
        candidate_size = _row_size(candidate)
        if batch and (len(batch) == _MAX_ROWS or size + candidate_size > _MAX_REQUEST_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(candidate)
        size += candidate_size
    if batch:
        yield batch


def _metadata(metadata: Mapping[str, Scalar]) -> Row:
    stored = {f"{kind(value)}:{key}": canonical(value) for key, value in metadata.items()}
    if not all(map(_is_storable, stored.values())):
        raise InvalidRequest("Metadata takes finite numbers, and integers within 2^53.")
    if _size("metadata", json.dumps(stored, ensure_ascii=False)) > MAX_VARCHAR:
        raise InvalidRequest(f"A chunk's metadata exceeds {MAX_VARCHAR} bytes.")
    return stored


def _is_storable(value: Scalar) -> bool:
    return abs(value) <= MAX_INTEGER if isinstance(value, int) else isinstance(value, str) or math.isfinite(value)


def _search_text(chunk: Chunk) -> str:
    """Return the words that lexical search reads: the title's count double, which improves ranking on SciFact."""
    words = " ".join(searched_words("\n".join((chunk.title, chunk.title, chunk.heading, chunk.text))))
    return words.encode()[:MAX_VARCHAR].decode(errors="ignore")


def _size(field: str, text: str) -> int:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise InvalidRequest(f"A chunk's {field} holds lone surrogates.") from None


def _row_size(candidate: Row) -> int:
    strings = sum(len(value.encode()) for value in candidate.values() if isinstance(value, str))
    return strings + 4 * len(candidate["vector"])
