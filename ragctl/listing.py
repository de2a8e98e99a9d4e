"""Entries of the registry for people and for programs."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from rag.registration import Registration
from ragctl.rendering import printable

_HEADER: Final = "STATUS    CHUNKS  UPDATED (UTC)     DOCUMENT"
_INDENT: Final = 36  # of the last column
_NARROWEST: Final = 80


def as_object(entry: Registration) -> dict[str, Any]:
    """Return what the registry knows, as plain objects."""
    return {
        "document_id": entry.document_id,
        "tenant": entry.tenant,
        "status": entry.status,
        "error": entry.error or None,
        "title": entry.title,
        "format": entry.format,
        "size": entry.size,
        "chunks": entry.chunks,
        "source": entry.source,
        "key": entry.key,
        "groups": list(entry.groups),
        "hidden": entry.hidden,
        "metadata": dict(entry.metadata),
        "live_version": entry.live_version or None,
        "versions": dict(entry.versions),
        "stripped": entry.stripped,
        "created_at": entry.created_at,
        "updated_at": entry.updated_at,
    }


def table_lines(entries: Sequence[Registration]) -> Iterator[str]:
    """Yield a table that fits the terminal; where there is none, nothing is cut."""
    width = max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else None
    yield _HEADER
    for entry in entries:
        updated = entry.updated_at[:16].replace("T", " ")
        name = printable(entry.document_id)
        yield f"{entry.status:8}  {entry.chunks:6}  {updated:16}  {_cut(name, width)}"
        if entry.status == "failed":
            yield f"{'':{_INDENT}}{_cut(printable(entry.error), width)}"


def entry_lines(entry: Registration) -> Iterator[str]:
    """Yield all that there is to say about one entry."""
    readers = "nobody, until a sidecar has come" if entry.hidden else ", ".join(entry.groups) or "the whole tenant"
    told = {
        "document": entry.document_id,
        "status": entry.status,
        "reason": entry.error,
        "title": entry.title,
        "format": entry.format,
        "size": f"{entry.size:,} bytes" if entry.size else "",
        "readers see": f"version {entry.live_version}, {entry.chunks:,} chunks" if entry.live_version else "nothing",
        "readers": readers,
        "metadata": ", ".join(f"{name}={value}" for name, value in sorted(entry.metadata.items())),
        "object": entry.key,
        "file": entry.source if entry.source != entry.document_id else "",
        "taken out": f"{entry.stripped:,} invisible characters" if entry.stripped else "",
        "not yet reaped": ", ".join(f"version {name}" for name in sorted(entry.unreaped)),
        "first seen": entry.created_at,
        "updated": entry.updated_at,
    }
    yield from (f"{name:15} {printable(value)}" for name, value in told.items() if value)


def _cut(text: str, width: int | None) -> str:
    """Return the text without its middle, where it is too long for the last column."""
    room = len(text) if width is None else width - _INDENT
    if len(text) <= room:
        return text
    return f"{text[: room // 2 - 1]}…{text[len(text) - (room - room // 2) :]}"
