"""The end of a turn of a file of records."""

from dataclasses import replace

from rag.ingestion.deciding import store_decided
from rag.ports import Registry
from rag.registration import Registration, unchanged


def end_turn(files: Registry, file: Registration, error: str, now: str, *, complete: bool, refused: bool) -> None:
    """End the turn of a file, and say what was wrong with some of its records.

    It is `complete` if all its lines could be read. It is ready then, unless records were `refused`: those that have
    no entry of their own to say so.

    Raises:
        TransientError: the registry could not be reached.
    """

    def decide(entry: Registration) -> Registration | None:
        if entry.turn != file.turn or entry.status == "deleted":
            return None
        ended = unchanged(entry, entry.updated_at)
        ended = replace(ended, status="ready" if complete and not refused else "failed", error=error)
        ended = replace(ended, generation=entry.version) if complete else ended
        return entry if ended == entry else replace(ended, updated_at=now)

    store_decided(files, [file], decide)
