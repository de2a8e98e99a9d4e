"""What becomes of a record's entry in the registry, once it has its turn."""

from dataclasses import replace
from typing import Final

from rag.documents.document import Rejected
from rag.documents.records import Record
from rag.ingestion.recipes import Recipe
from rag.ingestion.staging import StagedDocument
from rag.registration import Registration, failed, unchanged

_FORMAT: Final = "jsonl"


def record_hash(recipe: Recipe, record: Record) -> str:
    """Return the content hash of a record; its metadata is no part of it, since chunks take that from the registry."""
    return recipe.digest(record.id.encode(), record.title.encode(), record.text.encode())


def record_entry(
    entry: Registration, item: Record | Rejected, file: Registration, recipe: Recipe, now: str, *, forced: bool
) -> Registration:
    """Return the entry of a record that has its turn, as its line and its file's sidecar have it."""
    if isinstance(item, Rejected):
        told = replace(entry, groups=file.groups, hidden=file.hidden)  # an older version of it may be live
        return failed(told, told.turn, item.reason, now) or told
    size = len(item.text.encode())
    told = replace(entry, title=item.title, format=_FORMAT, size=size, stripped=item.stripped)
    told = with_attributes(told, item, file)
    same = told.live_version and told.content_hash == record_hash(recipe, item)
    if same and not forced and told.attributes == told.indexed_attributes:
        return unchanged(told, now)
    return replace(told, status="indexing", error="")


def with_attributes(entry: Registration, record: Record, file: Registration) -> Registration:
    """Return a record's entry with the readers of its file and the metadata of both; the file's sidecar wins."""
    return replace(entry, groups=file.groups, hidden=file.hidden, metadata={**record.metadata, **file.metadata})


def staged_record(entry: Registration, record: Record, content_hash: str) -> StagedDocument:
    """Return a record as it is staged."""
    return StagedDocument(
        document_id=entry.document_id,
        turn=entry.turn,
        version=entry.version,
        title=record.title,
        source=entry.source,
        text=record.text,
        content_hash=content_hash,
        format=_FORMAT,
        stripped=record.stripped,
    )
