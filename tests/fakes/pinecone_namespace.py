"""What Pinecone keeps: namespaces of records, each a log of writes that reads see with a delay."""

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tests.fakes.pinecone_wire import Json


class Stored(Protocol):
    """Whatever has an id."""

    @property
    def id(self) -> str: ...


Kept = TypeVar("Kept", bound=Stored)


@dataclass(frozen=True)
class StoredRecord:
    """A record as it is kept: components are 32-bit floats."""

    id: str
    values: "array[float]"
    metadata: Json
    sparse: Mapping[int, float] = field(default_factory=dict)

    def wire(self, *, values: bool = True, metadata: bool = True) -> Json:
        shown: Json = {"id": self.id}
        if values:
            shown["values"] = list(self.values)
            if self.sparse:
                shown["sparseValues"] = {"indices": list(self.sparse), "values": list(self.sparse.values())}
        if metadata and self.metadata:
            shown["metadata"] = self.metadata
        return shown

    def score(self, vector: Iterable[float], sparse: Mapping[int, float]) -> float:
        """Return the dot product, of the dense parts and of the sparse ones."""
        dense = sum(a * b for a, b in zip(vector, self.values, strict=True))
        return dense + sum(weight * self.sparse.get(index, 0.0) for index, weight in sparse.items())


@dataclass
class _Write(Generic[Kept]):
    reads_left: int
    apply: Callable[[dict[str, Kept]], None]


@dataclass
class Namespace(Generic[Kept]):
    """A log of writes. Each shows once `lag` reads have gone by without it, in the order of the log."""

    lag: int
    visible: dict[str, Kept] = field(default_factory=dict)
    _pending: list[_Write[Kept]] = field(default_factory=list)
    _committed: int = 0

    def store(self, records: Iterable[Kept]) -> int:
        """Store the records and return the write's number in the log."""
        stored = {record.id: record for record in records}
        return self._write(lambda visible: visible.update(stored))

    def remove(self, ids: Iterable[str]) -> int:
        """Remove the records and return the write's number in the log."""
        doomed = set(ids)

        def apply(visible: dict[str, Kept]) -> None:
            for record_id in doomed & visible.keys():
                del visible[record_id]

        return self._write(apply)

    def read(self) -> tuple[Mapping[str, Kept], int]:
        """Return what a read sees, and the number of the last write in it."""
        while self._pending and self._pending[0].reads_left <= 0:
            self._pending.pop(0).apply(self.visible)
        for write in self._pending:
            write.reads_left -= 1
        return self.visible, self._committed - len(self._pending)

    def _write(self, apply: Callable[[dict[str, Kept]], None]) -> int:
        self._committed += 1
        self._pending.append(_Write(self.lag, apply))
        return self._committed
