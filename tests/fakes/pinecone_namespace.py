"""What Pinecone keeps: namespaces of records, each a log of writes that reads see with a delay."""

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tests.fakes.pinecone_wire import Json


@dataclass(frozen=True)
class StoredRecord:
    """A record as it is kept: components are 32-bit floats."""

    id: str
    values: "array[float]"
    metadata: Json

    def wire(self, *, values: bool = True, metadata: bool = True) -> Json:
        shown: Json = {"id": self.id}
        if values:
            shown["values"] = list(self.values)
        if metadata and self.metadata:
            shown["metadata"] = self.metadata
        return shown

    def score(self, vector: Iterable[float]) -> float:
        """Return the dot product."""
        return sum(a * b for a, b in zip(vector, self.values, strict=True))


@dataclass
class _Write:
    reads_left: int
    apply: Callable[[dict[str, StoredRecord]], None]


@dataclass
class Namespace:
    """A log of writes. Each shows once `lag` reads have gone by without it, in the order of the log."""

    lag: int
    visible: dict[str, StoredRecord] = field(default_factory=dict)
    _pending: list[_Write] = field(default_factory=list)
    _committed: int = 0

    def store(self, records: Iterable[StoredRecord]) -> int:
        """Store the records and return the write's number in the log."""
        stored = {record.id: record for record in records}
        return self._write(lambda visible: visible.update(stored))

    def remove(self, ids: Iterable[str]) -> int:
        """Remove the records and return the write's number in the log."""
        doomed = set(ids)

        def apply(visible: dict[str, StoredRecord]) -> None:
            for record_id in doomed & visible.keys():
                del visible[record_id]

        return self._write(apply)

    def read(self) -> tuple[Mapping[str, StoredRecord], int]:
        """Return what a read sees, and the number of the last write in it."""
        while self._pending and self._pending[0].reads_left <= 0:
            self._pending.pop(0).apply(self.visible)
        for write in self._pending:
            write.reads_left -= 1
        return self.visible, self._committed - len(self._pending)

    def _write(self, apply: Callable[[dict[str, StoredRecord]], None]) -> int:
        self._committed += 1
        self._pending.append(_Write(self.lag, apply))
        return self._committed
