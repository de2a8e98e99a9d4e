"""Packs the objects of a run into items, each of which is one execution."""

from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import Final

import msgspec

from rag.ingestion.changes import CopiedDocuments, CopyItem, ListedObject, ObjectsItem, RecordRange, RecordsItem

MAX_OBJECTS: Final = 100
MAX_BYTES: Final = 4_000_000
MAX_COPIES: Final = 200
MAX_COPIED_CHUNKS: Final = 20_000  # fetched from the live collection by one function

_SLOW: Final = {".pdf", ".docx"}  # whose text takes long to find: ten of them travel together
_SLOW_WEIGHT: Final = 10


class PlannedFile(msgspec.Struct, frozen=True):
    """A file of records, the generation that the run reads it in, and the numbers of the items that its parts are."""

    path: str
    generation: str
    first: int
    last: int  # before `first` where the file is empty


class PlannedRefusal(msgspec.Struct, frozen=True):
    """A file of records that has no items, and why."""

    path: str
    reason: str


class Plan(msgspec.Struct, frozen=True):
    """What the end of a run has to know of its beginning. `refused` are files of records that have no items."""

    items: int
    files: list[PlannedFile] = []
    refused: list[PlannedRefusal] = []


class ItemList:
    """Items of a run, numbered from 0, as the JSON that the map over them reads."""

    def __init__(self, run: str, tenant: str) -> None:
        self._run, self._tenant = run, tenant
        self._json = bytearray(b"[")
        self._objects: list[ListedObject] = []
        self._weight = self._bytes = 0
        self.count = 0

    def add_object(self, listed: ListedObject) -> None:
        """Take a file that is one document."""
        slow = PurePosixPath(listed.key).suffix.lower() in _SLOW
        weight = _SLOW_WEIGHT if slow else 1
        if self._objects and (self._weight + weight > MAX_OBJECTS or self._bytes + listed.size > MAX_BYTES):
            self._close_objects()
        self._objects.append(listed)
        self._weight += weight
        self._bytes += listed.size

    def add_ranges(self, path: str, ranges: Iterable[RecordRange], generation: str) -> PlannedFile:
        """Take a file of records, an item for each part."""
        self._close_objects()
        first = self.count
        for part in ranges:
            self._add(RecordsItem(run=self._run, number=self.count, tenant=self._tenant, records=part))
        return PlannedFile(path, generation, first, self.count - 1)

    def add_copies(self, tenant: str, document_ids: Iterator[list[str]]) -> None:
        """Take documents of a tenant that another collection is to hold as well."""
        for some in document_ids:
            copied = CopiedDocuments(documents=some)
            self._add(CopyItem(run=self._run, number=self.count, tenant=tenant, copy=copied))

    def json(self) -> bytes:
        """Return all items as a JSON array."""
        self._close_objects()
        return bytes(self._json) + b"]"

    def _close_objects(self) -> None:
        if self._objects:
            item = ObjectsItem(run=self._run, number=self.count, tenant=self._tenant, objects=self._objects)
            self._add(item)
            self._objects, self._weight, self._bytes = [], 0, 0

    def _add(self, item: ObjectsItem | RecordsItem | CopyItem) -> None:
        self._json += (b",\n" if self.count else b"\n") + msgspec.json.encode(item)
        self.count += 1
