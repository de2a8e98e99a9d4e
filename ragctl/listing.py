"""Entries of the registry for people and for programs."""

import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rag.registration import Registration
from ragctl.rendering import counted, printable

_HEADER: Final = "STATUS    CHUNKS  UPDATED (UTC)     DOCUMENT"
_INDENT: Final = 36  # of the last column
_NARROWEST: Final = 80


@dataclass
class Records:
    """What the records of one file come to: how many are in which state, and who may read how many of them."""

    statuses: Counter[str] = field(default_factory=Counter)
    readers: Counter[tuple[str, ...]] = field(default_factory=Counter)  # groups; none for the whole tenant
    hidden: int = 0
    chunks: int = 0

    @classmethod
    def of(cls, entries: Iterable[Registration]) -> "Records":
        """Return what these records come to; deleted ones are left out."""
        records = cls()
        for entry in entries:
            if entry.status != "deleted":
                records.statuses[entry.status] += 1
                records.chunks += entry.chunks
                if entry.hidden:
                    records.hidden += 1
                else:
                    records.readers[entry.groups] += 1
        return records

    def __str__(self) -> str:
        """Return the states, as a person reads them."""
        return ", ".join(f"{number:,} {status}" for status, number in sorted(self.statuses.items())) or "none"

    def told_readers(self) -> str:
        """Return who may read them, as a person reads it."""
        told = {", ".join(groups) or "the whole tenant": number for groups, number in sorted(self.readers.items())}
        if self.hidden:
            told["nobody, until a sidecar names its groups"] = self.hidden
        if len(told) == 1:
            return next(iter(told))
        return "; ".join(f"{readers} ({counted(number, 'record')})" for readers, number in told.items())


def file_as_object(entry: Registration, records: Records) -> dict[str, Any]:
    """Return what the registry knows of a file of records, as plain objects; groups are those of any of them."""
    return {
        **as_object(entry),
        "chunks": records.chunks,
        "groups": sorted({group for groups in records.readers for group in groups}),
        "hidden": bool(records.hidden) and not records.readers,
        "records": dict(records.statuses),
    }


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


def table_lines(entries: Sequence[Registration], *, files: bool = False) -> Iterator[str]:
    """Yield a table that fits the terminal; where there is none, nothing is cut. Files of records have no chunks."""
    width = max(shutil.get_terminal_size().columns, _NARROWEST) if sys.stdout.isatty() else None
    yield _HEADER
    for entry in entries:
        updated = entry.updated_at[:16].replace("T", " ")
        name = printable(entry.document_id)
        chunks = "-" if files else entry.chunks
        yield f"{entry.status:8}  {chunks:>6}  {updated:16}  {_cut(name, width)}"
        if entry.status == "failed":
            yield f"{'':{_INDENT}}{_cut(printable(entry.error), width)}"


def entry_lines(entry: Registration, records: Records | None = None) -> Iterator[str]:
    """Yield all that there is to say about one entry, of a file by its records."""
    if records is None:
        readers = (
            "nobody, until a sidecar names its groups"
            if entry.hidden
            else ", ".join(entry.groups) or "the whole tenant"
        )
        seen = f"version {entry.live_version}, {counted(entry.chunks, 'chunk')}" if entry.live_version else "nothing"
    else:
        readers = records.told_readers()
        seen = counted(records.chunks, "chunk") if records.chunks else "nothing"
    told = {
        "document": entry.document_id,
        "status": entry.status,
        "reason": entry.error,
        "title": entry.title,
        "format": entry.format,
        "size": f"{entry.size:,} bytes" if entry.size else "",
        "records": "" if records is None else f"{records.statuses.total():,}: {records}",
        "readers see": seen,
        "readers": readers,
        "metadata": ", ".join(f"{name}={_plain(value)}" for name, value in sorted(entry.metadata.items())),
        "object": entry.key,
        "file": entry.source if entry.source != entry.document_id else "",
        "taken out": counted(entry.stripped, "invisible character") if entry.stripped else "",
        "not yet reaped": ", ".join(f"version {name}" for name in sorted(entry.unreaped)),
        "first seen": entry.created_at,
        "updated": entry.updated_at,
    }
    yield from (f"{name:15} {printable(value)}" for name, value in told.items() if value)


def _plain(value: object) -> object:
    """Return a number as it was given: the registry holds each as a float."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _cut(text: str, width: int | None) -> str:
    """Return the text without its middle, where it is too long for the last column."""
    room = len(text) if width is None else width - _INDENT
    if len(text) <= room:
        return text
    return f"{text[: room // 2 - 1]}…{text[len(text) - (room - room // 2) :]}"
