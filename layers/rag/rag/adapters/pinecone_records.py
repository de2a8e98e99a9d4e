"""Chunks as Pinecone records: one flat metadata object, a user's own fields apart under a prefix."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from rag.adapters.pinecone_filters import READERS, USER_PREFIX
from rag.errors import InvalidRequest, MalformedResponse
from rag.models import EVERYONE, Chunk, IndexedChunk, IndexEntry

Record = dict[str, Any]

# https://docs.pinecone.io/reference/api/database-limits/operation-limits
MAX_RECORDS: Final = 1_000
MAX_REQUEST_BYTES: Final = 2_000_000  # documented as 2 MB: the smaller reading, with room for the envelope below it
MAX_METADATA_BYTES: Final = 40_960
_ENVELOPE_BYTES: Final = 1_000


def to_record(item: IndexedChunk) -> Record:
    """Return the record of a chunk.

    Raises:
        InvalidRequest: its fields take more than a record may hold.
    """
    chunk = item.chunk
    metadata: dict[str, Any] = {
        "document_id": chunk.document_id,
        "version": chunk.version,
        "ordinal": chunk.ordinal,
        "title": chunk.title,
        "source": chunk.source,
        "text": chunk.text,
        "tokens": chunk.tokens,
        "start": chunk.start,
        "end": chunk.end,
        "heading": chunk.heading,
        READERS: list(chunk.readers),
        **{USER_PREFIX + name: value for name, value in chunk.metadata.items()},
    }
    if chunk.page is not None:  # Pinecone holds no null
        metadata["page"] = chunk.page
    if len(msgspec.json.encode(metadata)) > MAX_METADATA_BYTES:
        raise InvalidRequest("A chunk with its title, source and metadata exceeds the 40 KB that Pinecone holds.")
    return {"id": chunk.chunk_id, "values": item.vector.tolist(), "metadata": metadata}


def batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Group records into requests within Pinecone's limits on their number and on their bytes."""
    batch: list[Record] = []
    size = _ENVELOPE_BYTES
    for record in records:
        length = len(msgspec.json.encode(record)) + 1  # the comma
        if batch and (len(batch) == MAX_RECORDS or size + length > MAX_REQUEST_BYTES):
            yield batch
            batch, size = [], _ENVELOPE_BYTES
        batch.append(record)
        size += length
    if batch:
        yield batch


def to_chunk(record_id: str, metadata: Mapping[str, Any] | None) -> Chunk:
    """Return the chunk of a record.

    Raises:
        MalformedResponse: a field is missing or of another type. One such record fails the whole answer: only records
            with `readers` are ever found, so it is one of ours that broke, and an answer from fewer passages would
            hide that.
    """
    fields = _Fields(metadata)
    readers = fields.strings(READERS)
    return Chunk(
        chunk_id=record_id,
        document_id=fields.string("document_id"),
        version=fields.string("version"),
        ordinal=fields.integer("ordinal"),
        title=fields.string("title"),
        source=fields.string("source"),
        text=fields.string("text"),
        tokens=fields.integer("tokens"),
        start=fields.integer("start"),
        end=fields.integer("end"),
        heading=fields.string("heading"),
        page=fields.integer("page") if "page" in fields else None,
        groups=() if readers == (EVERYONE,) else readers,
        metadata=fields.users(),
    )


def to_entry(record_id: str, metadata: Mapping[str, Any] | None) -> IndexEntry:
    """Return what a record says of its document.

    Raises:
        MalformedResponse: a field is missing or of another type.
    """
    fields = _Fields(metadata)
    return IndexEntry(record_id, fields.string("document_id"), fields.string("version"))


class _Fields:
    """A record's metadata, read with the type that each field must have."""

    def __init__(self, metadata: Mapping[str, Any] | None) -> None:
        self._metadata = metadata or {}

    def __contains__(self, name: str) -> bool:
        return name in self._metadata

    def string(self, name: str) -> str:
        value = self._metadata.get(name)
        if not isinstance(value, str):
            raise _broken(name)
        return value

    def integer(self, name: str) -> int:
        value = self._metadata.get(name)  # a number comes back as a 64-bit float
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise _broken(name)
        return int(value)

    def strings(self, name: str) -> tuple[str, ...]:
        value = self._metadata.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise _broken(name)
        return tuple(value)

    def users(self) -> dict[str, str | float | bool]:
        """Return the user's own fields."""
        fields = {
            name.removeprefix(USER_PREFIX): value
            for name, value in self._metadata.items()
            if name.startswith(USER_PREFIX)
        }
        if not all(isinstance(value, str | int | float) for value in fields.values()):
            raise _broken("metadata")
        return fields


def _broken(name: str) -> MalformedResponse:
    return MalformedResponse(f"A record in the Pinecone index has no usable {name}: load its document again.")
