"""Chunks as Pinecone records: one flat metadata object, a user's own fields apart under a prefix."""

from collections.abc import Mapping
from typing import Any

import msgspec

from rag.adapters.pinecone_filters import READERS, USER_PREFIX
from rag.adapters.pinecone_limits import MAX_METADATA_BYTES, Record
from rag.adapters.pinecone_terms import chunk_terms
from rag.errors import InvalidRequest, MalformedResponse
from rag.models import EVERYONE, Chunk, IndexedChunk, IndexEntry


def to_record(item: IndexedChunk) -> Record:
    """Return the record of a chunk.

    Raises:
        InvalidRequest: its fields take more than a record may hold.
    """
    chunk = item.chunk
    metadata = system_fields(chunk) | {"text": chunk.text}
    metadata |= {USER_PREFIX + name: value for name, value in chunk.metadata.items()}
    check_size(metadata)
    record = {"id": chunk.chunk_id, "values": item.vector.tolist(), "metadata": metadata}
    terms = chunk_terms(chunk)
    return record if terms is None else record | {"sparse_values": terms}


def system_fields(chunk: Chunk) -> dict[str, Any]:
    """Return what both kinds of index hold of a chunk beside its text and the user's own fields."""
    fields: dict[str, Any] = {
        "document_id": chunk.document_id,
        "version": chunk.version,
        "ordinal": chunk.ordinal,
        "title": chunk.title,
        "source": chunk.source,
        "tokens": chunk.tokens,
        "start": chunk.start,
        "end": chunk.end,
        "heading": chunk.heading,
        READERS: list(chunk.readers),
    }
    if chunk.page is not None:  # Pinecone holds no null
        fields["page"] = chunk.page
    return fields


def check_size(metadata: Mapping[str, Any]) -> None:
    """Check that Pinecone holds that much metadata.

    Raises:
        InvalidRequest: it does not.
    """
    if len(msgspec.json.encode(metadata)) > MAX_METADATA_BYTES:
        raise InvalidRequest("A chunk with its title, source and metadata exceeds the 40 KB that Pinecone holds.")


def to_chunk(record_id: str, metadata: Mapping[str, Any] | None) -> Chunk:
    """Return the chunk of a record.

    Raises:
        MalformedResponse: a field is missing or of another type. One such record fails the whole answer: only records
            with `readers` are ever found, so it is one of ours that broke, and an answer from fewer passages would
            hide that.
    """
    fields = RecordFields(metadata)
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
    fields = RecordFields(metadata)
    return IndexEntry(record_id, fields.string("document_id"), fields.string("version"))


class RecordFields:
    """A record's metadata, read with the type that each field must have."""

    def __init__(self, metadata: Mapping[str, Any] | None) -> None:
        self._metadata = metadata or {}

    def __contains__(self, name: str) -> bool:
        return name in self._metadata

    def string(self, name: str) -> str:
        """Return a field that must be a string."""
        value = self._metadata.get(name)
        if not isinstance(value, str):
            raise broken(name)
        return value

    def integer(self, name: str) -> int:
        """Return a field that must be a whole number."""
        value = self._metadata.get(name)  # a number comes back as a 64-bit float
        if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
            raise broken(name)
        return int(value)

    def strings(self, name: str) -> tuple[str, ...]:
        """Return a field that must be a list of strings, and not empty."""
        value = self._metadata.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise broken(name)
        return tuple(value)

    def users(self) -> dict[str, str | float | bool]:
        """Return the user's own fields."""
        fields = {
            name.removeprefix(USER_PREFIX): value
            for name, value in self._metadata.items()
            if name.startswith(USER_PREFIX)
        }
        if not all(isinstance(value, str | int | float) for value in fields.values()):
            raise broken("metadata")
        return fields


def broken(name: str) -> MalformedResponse:
    """Return the error for a record whose field is missing or of another type."""
    return MalformedResponse(f"A record in the Pinecone index has no usable {name}: load its document again.")
