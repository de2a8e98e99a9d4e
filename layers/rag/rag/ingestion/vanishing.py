"""Records that their file holds no more are deleted."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from rag.ingestion.deciding import store_decided
from rag.ports import Registry
from rag.registration import Origin, Registration, claim, deleted

_TOGETHER: Final = 100


def turn_of(generation: str) -> int:
    """Return the turn that a file had when a record was seen in it; 0 for a record that never was."""
    return int(generation.partition("-")[0] or 0)


def delete_vanished(registry: Registry, file: Registration, clock: Callable[[], str]) -> Iterator[Registration]:
    """Delete the records that the file's present turn has not seen, and yield their entries.

    Once more, it yields what it deleted before, and whatever else of the file's records is deleted and not yet reaped.

    Raises:
        TransientError: the registry could not be read or written.
    """
    if file.turn <= 1:  # no turn before has seen any: a long list need not be read to find none
        return

    def decide(entry: Registration) -> Registration | None:
        if not _is_outdated(entry, file):
            return None
        if entry.status == "deleted":
            return entry
        taken = claim(entry, gone(entry), file.document_id, entry.key, clock())
        return replace(deleted(taken.entry, clock()), generation=file.version) if taken.granted else entry

    def gone(entry: Registration) -> Origin:
        return Origin(f"{file.origin}#gone#{file.turn}#{entry.document_id}")

    listed = iter(registry.documents(file.tenant, source=file.document_id))
    while some := list(islice(listed, _TOGETHER)):
        outdated = [
            entry.document_id for entry in some if _is_outdated(entry, file) or entry.origin == gone(entry).name
        ]
        fresh = registry.load(file.tenant, outdated) if outdated else {}
        before = [entry for entry in fresh.values() if entry.origin == gone(entry).name]
        stored = store_decided(registry, (entry for entry in fresh.values() if entry not in before), decide)
        yield from (
            entry for entry in (*before, *stored.values()) if entry.origin == gone(entry).name or entry.unreaped
        )


def _is_outdated(entry: Registration, file: Registration) -> bool:
    return entry.source == file.document_id and turn_of(entry.generation) < file.turn
