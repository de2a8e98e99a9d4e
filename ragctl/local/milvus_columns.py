"""Searches of Milvus Lite that do less row by row, and so hold up those beside them less; what they find is the same.

Milvus Lite turns whole rows into Python values, vectors included, and drops afterwards what nobody asked for. And it
looks at each row of a collection whether a newer version or a deletion hides it, even if nothing can.
"""

from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from inspect import signature
from typing import Any, Final

from milvus_lite.engine import projection
from milvus_lite.engine.collection import Collection
from milvus_lite.storage.segment import Segment

_ALWAYS: Final = frozenset({"_seq", "_partition", "$meta"})
_NEEDS_ALL: Final = ("group_by_field", "ranker")
_KNOWN: Final = {"expr", "output_fields", "anns_field", *_NEEDS_ALL}


@dataclass
class Reading:
    """The columns that a search reads, and whether it took all rows for valid."""

    columns: AbstractSet[str]
    all_valid: bool = False


_reading: ContextVar[Reading | None] = ContextVar("reading", default=None)


class FirstForAll(Sequence[Any]):
    """Keys of which only the first is gone through: numpy stretches what is found of it over the mask of a filter."""

    def __init__(self, keys: Sequence[Any]) -> None:
        self._keys = keys

    def __len__(self) -> int:
        return min(1, len(self._keys))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._keys[:1])

    def __getitem__(self, row: Any) -> Any:
        return self._keys[row]


class LightSegment:
    """A segment of which only some columns are seen; all else is the segment's own."""

    def __init__(self, segment: Any, reading: Reading) -> None:
        self._segment = segment
        self.table = segment.table.select([name for name in segment.table.column_names if name in reading.columns])
        self.pks = FirstForAll(segment.pks) if reading.all_valid else segment.pks

    def __getattr__(self, name: str) -> Any:
        return getattr(self._segment, name)

    row_to_dict = Segment.row_to_dict


def read_less() -> None:
    """Have every filtered search read no more than it must.

    Raises:
        RuntimeError: Milvus Lite's search takes other arguments than the ones that are known here.
    """
    search, read_snapshot = Collection.search, Collection._read_snapshot
    arguments = signature(search)
    if not arguments.parameters.keys() >= _KNOWN:
        raise RuntimeError("Milvus Lite's search has changed: its arguments do not tell any more what it reads.")

    @wraps(search)
    def searching(self: Any, *given: Any, **named: Any) -> Any:
        reading = _what_is_read(self, arguments.bind(self, *given, **named).arguments)
        token = _reading.set(reading)
        try:
            found = search(self, *given, **named)
        finally:
            _reading.reset(token)
        if reading is None or not reading.all_valid or _all_valid(self, *read_snapshot(self)):
            return found
        return search(self, *given, **named)  # something was written meanwhile

    @wraps(read_snapshot)
    def snapshot(self: Any) -> Any:
        segments, deletions = read_snapshot(self)
        if (reading := _reading.get()) is None:
            return segments, deletions
        reading.all_valid = _all_valid(self, segments, deletions)
        return tuple(LightSegment(segment, reading) for segment in segments), deletions

    Collection.search, Collection._read_snapshot = searching, snapshot
    projection._is_primary = _is_primary


def _is_primary(schema: Any, name: str) -> bool:
    """Return whether a field is the primary key, of which there is one; asked for every value of every hit."""
    return bool(next(field.name for field in schema.fields if field.is_primary) == name)


def _what_is_read(collection: Any, asked: dict[str, Any]) -> Reading | None:
    """Return what a search reads, all columns that its filter may mean included, or None if that may be anything."""
    output, expression = asked.get("output_fields"), asked.get("expr")
    if not expression or output is None or "*" in output or any(asked.get(name) is not None for name in _NEEDS_ALL):
        return None
    filtered = {field.name for field in collection._schema.fields if field.name in expression}
    searched = {collection._resolve_anns_field(asked.get("anns_field"))} - {collection._vector_name}
    return Reading(_ALWAYS | filtered | searched | {*output, collection._pk_name})


def _all_valid(collection: Any, segments: tuple[Any, ...], deletions: Any) -> bool:
    """Return whether no row is deleted, nor there in two versions."""
    if deletions._map or collection._memtable.size():
        return False
    known, distinct = getattr(collection, "_distinct_keys", (None, False))
    if known != segments:
        distinct = len(set().union(*(segment.pks for segment in segments))) == sum(len(one.pks) for one in segments)
        collection._distinct_keys = segments, distinct
    return distinct
