"""Chunks as Pinecone documents: one text that is searched by words, one vector, and fields to filter by."""

import json
import math
import re
from array import array
from collections.abc import Mapping
from typing import Any, Final

from rag.adapters.pinecone_document_filters import FIELD_PREFIX
from rag.adapters.pinecone_filters import READERS
from rag.adapters.pinecone_limits import Record
from rag.adapters.pinecone_records import RecordFields, broken, check_size, system_fields
from rag.adapters.pinecone_schema import EMBEDDING, PASSAGE
from rag.errors import InvalidRequest
from rag.models import EVERYONE, Chunk, IndexedChunk, IndexEntry
from rag.vectors import Vector

ENTRY: Final = ("document_id", "version")
CHUNK: Final = (
    *ENTRY,
    *("ordinal", "title", "source", "tokens", "start", "end", "heading", "page", READERS, "metadata", PASSAGE),
)
WHOLE: Final = (*CHUNK, EMBEDDING)

_MAX_PASSAGE_BYTES: Final = 100_000  # of a field with full-text search, which does not count as metadata
_MAX_PASSAGE_WORDS: Final = 10_000
_WORD: Final = re.compile(r"[^\W_]+")


def to_document(item: IndexedChunk) -> Record:
    """Return the document of a chunk.

    The user's fields are in it twice: each by itself, to filter by, and all in one, to be read without their names.

    Raises:
        InvalidRequest: its fields take more than a document may hold.
    """
    chunk = item.chunk
    fields: dict[str, Any] = system_fields(chunk)
    if chunk.metadata:
        fields["metadata"] = json.dumps(dict(chunk.metadata), ensure_ascii=False)
    fields |= {FIELD_PREFIX + name: value for name, value in chunk.metadata.items()}
    check_size(fields)
    passage = _place(chunk.title, chunk.heading) + chunk.text
    if len(passage.encode()) > _MAX_PASSAGE_BYTES or sum(1 for _ in _WORD.finditer(passage)) > _MAX_PASSAGE_WORDS:
        raise InvalidRequest("A chunk's text exceeds the 100 KB or 10,000 words that Pinecone searches by words.")
    return {"_id": chunk.chunk_id, PASSAGE: passage, EMBEDDING: item.vector.tolist(), **fields}


def document_chunk(document_id: str, document: Mapping[str, Any]) -> Chunk:
    """Return the chunk of a document.

    Raises:
        MalformedResponse: a field is missing or of another type. One such document fails the whole answer: only those
            with `readers` are ever found, so it is one of ours that broke.
    """
    fields = RecordFields(document)
    readers, title, heading = fields.strings(READERS), fields.string("title"), fields.string("heading")
    passage, place = fields.string(PASSAGE), _place(title, heading)
    if not passage.startswith(place):
        raise broken(PASSAGE)
    return Chunk(
        chunk_id=document_id,
        document_id=fields.string("document_id"),
        version=fields.string("version"),
        ordinal=fields.integer("ordinal"),
        title=title,
        source=fields.string("source"),
        text=passage[len(place) :],
        tokens=fields.integer("tokens"),
        start=fields.integer("start"),
        end=fields.integer("end"),
        heading=heading,
        page=fields.integer("page") if "page" in fields else None,
        groups=() if readers == (EVERYONE,) else readers,
        metadata=_metadata(fields),
    )


def document_entry(chunk_id: str, document: Mapping[str, Any]) -> IndexEntry:
    """Return what a document says of the document of ours that it is a chunk of.

    Raises:
        MalformedResponse: a field is missing or of another type.
    """
    fields = RecordFields(document)
    return IndexEntry(chunk_id, fields.string("document_id"), fields.string("version"))


def document_readers(document: Mapping[str, Any]) -> tuple[str, ...]:
    """Return who may read the chunk of a document.

    Raises:
        MalformedResponse: it does not say.
    """
    return RecordFields(document).strings(READERS)


def document_vector(document: Mapping[str, Any]) -> "Vector[float]":
    """Return a document's vector.

    Raises:
        MalformedResponse: it has none.
    """
    values = document.get(EMBEDDING)
    if not isinstance(values, list) or not all(isinstance(value, int | float) for value in values):
        raise broken(EMBEDDING)
    vector = array("f", values)
    if not all(map(math.isfinite, vector)):
        raise broken(EMBEDDING)
    return vector


def _place(title: str, heading: str) -> str:
    """Return what precedes the text where words are searched: the title counts double, as in Milvus."""
    return "".join(f"{part}\n" for part in (title, title, heading) if part)


def _metadata(fields: RecordFields) -> dict[str, str | float | bool]:
    if "metadata" not in fields:
        return {}
    try:
        metadata = json.loads(fields.string("metadata"))
    except ValueError:
        raise broken("metadata") from None
    if not isinstance(metadata, dict) or not all(isinstance(value, str | int | float) for value in metadata.values()):
        raise broken("metadata")
    return metadata
