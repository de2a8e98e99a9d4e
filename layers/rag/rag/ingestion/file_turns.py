"""The end of a turn of a file of records."""

from dataclasses import replace

from rag.ingestion.deciding import store_decided
from rag.ports import Registry
from rag.registration import Registration, unchanged


def end_turn(files: Registry, file: Registration, error: str, now: str, *, ready: bool) -> None:
    """End the turn of a file, `ready` if all its lines could be read, and say what was wrong with some of them.

    Raises:
        TransientError: the registry could not be reached.
    """

    def decide(entry: Registration) -> Registration | None:
        if entry.turn != file.turn or entry.status == "deleted":
            return None
        ended = unchanged(entry, entry.updated_at)
        ended = replace(ended, status="ready" if ready else "failed", error=error)
        return entry if ended == entry else replace(ended, updated_at=now)

    store_decided(files, [file], decide)
