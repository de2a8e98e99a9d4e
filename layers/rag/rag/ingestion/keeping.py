"""Records that stay although no line of their file could be read as theirs: the file still says who may read them."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Final

from rag.ingestion.deciding import store_decided
from rag.ports import Registry
from rag.registration import Registration

_TOGETHER: Final = 100


def give_readers(
    registry: Registry, files: Registry, file: Registration, clock: Callable[[], str]
) -> Iterator[Registration]:
    """Give all records of a file the groups that its entry has now, and yield those that the index has to follow.

    Raises:
        TransientError: the registry could not be read or written.
    """
    listed = iter(registry.documents(file.tenant, source=file.document_id))
    while some := [entry.document_id for entry in islice(listed, _TOGETHER)]:
        entries = registry.load(file.tenant, some)
        for entry in store_decided(registry, entries.values(), _Giving(files, file, clock)).values():
            if entry.live_version and entry.attributes != entry.indexed_attributes:
                yield entry


class _Giving:
    """Decides on records with the file's entry as it was read after theirs, and read anew after each conflict."""

    def __init__(self, files: Registry, file: Registration, clock: Callable[[], str]) -> None:
        self._files, self._clock = files, clock
        self._file = self._read(file)
        self._decided: set[str] = set()

    def __call__(self, entry: Registration) -> Registration | None:
        if entry.document_id in self._decided:
            self._file = self._read(self._file)
        self._decided.add(entry.document_id)
        if entry.source != self._file.document_id or entry.status == "deleted":
            return None
        given = replace(entry, groups=self._file.groups, hidden=entry.hidden and self._file.hidden)
        return entry if given == entry else replace(given, updated_at=self._clock())

    def _read(self, file: Registration) -> Registration:
        return self._files.load(file.tenant, [file.document_id])[file.document_id]
