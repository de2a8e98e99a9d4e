"""Records of a JSONL file: each is a document that takes its own turn, in the generation that its file is in."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from rag.documents.document import Rejected
from rag.documents.naming import printable
from rag.documents.records import Record, records
from rag.ingestion.blocks import ReplacedMeanwhile, line_blocks
from rag.ingestion.claiming import CLAIMED_ELSEWHERE, claimed_elsewhere
from rag.ingestion.deciding import store_decided
from rag.ingestion.intake import Intake
from rag.ingestion.recipes import Recipe
from rag.ingestion.record_entries import record_entry, record_hash, staged_record
from rag.ingestion.vanishing import turn_of
from rag.ports import ObjectStore, Registry
from rag.registration import Origin, Registration, claim

_TOGETHER: Final = 100


@dataclass(frozen=True, slots=True)
class Span:
    """A part of a file of records, all of it where it is small, in the turn that the file's entry has."""

    file: Registration
    etag: str
    start: int
    end: int
    forced: bool = False

    @property
    def name(self) -> str:
        """What a line's number counts from."""
        return f"{self.file.document_id} from byte {self.start}" if self.start else self.file.document_id

    def origin(self, document_id: str) -> Origin:
        """Return where the change of a record comes from."""
        return Origin(f"{self.file.origin}#{self.start}#{document_id}")


@dataclass(slots=True)
class Tally:
    """How a span was read. `current` is False where the file has changed meanwhile: another turn reads it then."""

    records: int = 0
    failures: int = 0
    first_failure: str = ""
    unreadable: int = 0
    refused: int = 0  # that have no entry of their own: theirs is another record's
    current: bool = True
    seen: set[str] = field(default_factory=set)

    def failed(self, document_id: str, reason: str) -> None:
        """Count a failure."""
        self.failures += 1
        self.first_failure = self.first_failure or f"{document_id}: {reason}"


@dataclass(frozen=True, slots=True)
class ReadRecords:
    """Reads a span of a file of records into an intake."""

    objects: ObjectStore
    registry: Registry
    files: Registry
    require_sidecar: bool
    clock: Callable[[], str]

    def __call__(self, span: Span, recipe: Recipe, intake: Intake) -> Tally:
        """Take the turns of the records in a span, and stage those whose content is new.

        Raises:
            TransientError: the registry or the bucket could not be reached.
        """
        tally = Tally()
        try:
            for some in _together(self._items(span)):
                fresh = list(_identified(some, span, tally, intake))
                group = _Group(
                    self.registry, self.files, span, recipe, self.clock, require_sidecar=self.require_sidecar
                )
                if not _is_current(group.take(fresh), span):
                    tally.current = False
                    return tally
                group.report(tally, intake)
        except ReplacedMeanwhile:
            tally.current = False
        return tally

    def _items(self, span: Span) -> Iterator[Record | Rejected]:
        for block in line_blocks(self.objects, span.file.key, span.etag, span.start, span.end):
            if block.data:
                yield from records(span.name, block.data, block.first_line)
            else:
                yield Rejected(
                    f"{printable(span.name)}:{block.first_line}", "The line is too long; what follows it is not read."
                )


def _together(items: Iterable[Record | Rejected]) -> Iterator[list[Record | Rejected]]:
    waiting = iter(items)
    while some := list(islice(waiting, _TOGETHER)):
        yield some


def _identified(
    items: Sequence[Record | Rejected], span: Span, tally: Tally, intake: Intake
) -> Iterator[tuple[str, Record | Rejected]]:
    """Yield what has an id of its own that came for the first time, and note the rest."""
    for item in items:
        tally.records += 1
        document_id = item.document_id if isinstance(item, Rejected) else item.id
        if isinstance(item, Rejected) and document_id.startswith(f"{printable(span.name)}:"):
            tally.unreadable += 1
            intake.unreadable += 1
            tally.failed(document_id, item.reason)
            intake.failed(document_id, item.reason, span.file.document_id)
        elif document_id in tally.seen:
            _refuse(document_id, USED_BEFORE, span, tally, intake)
        else:
            tally.seen.add(document_id)
            yield document_id, item


USED_BEFORE: Final = "Its _id was used before in this file. Give each record its own."


def _refuse(document_id: str, reason: str, span: Span, tally: Tally, intake: Intake) -> None:
    """Refuse a record whose id is another one's. The second with one id has a name of its own beside the first."""
    again = reason == USED_BEFORE
    told = reason if again else CLAIMED_ELSEWHERE
    tally.failed(document_id, told)
    tally.refused += 1
    intake.refused += 1
    intake.failed(f"{document_id} (again)" if again else document_id, reason, span.file.document_id, told)


def _is_current(file: Registration, span: Span) -> bool:
    return file.turn == span.file.turn and file.status != "deleted"


class _Group:
    """Some records that are loaded, decided and stored together."""

    def __init__(
        self,
        registry: Registry,
        files: Registry,
        span: Span,
        recipe: Recipe,
        clock: Callable[[], str],
        *,
        require_sidecar: bool,
    ) -> None:
        self._require_sidecar = require_sidecar
        self._registry, self._files, self._span, self._recipe, self._clock = registry, files, span, recipe, clock
        self._file = span.file
        self._items: Mapping[str, Record | Rejected] = {}
        self._stored: Mapping[str, Registration] = {}
        self._problems: dict[str, str] = {}
        self._superseded: set[str] = set()
        self._decided: set[str] = set()

    def take(self, fresh: Sequence[tuple[str, Record | Rejected]]) -> Registration:
        """Store what becomes of the records' entries, with the attributes that the file's entry has in the end.

        Return that entry. A sidecar may change it at any moment, and passes over the records by itself; those that it
        passed before they were stored here are stored once more.
        """
        self._items = dict(fresh)
        while True:
            self._decided.clear()
            entries = self._registry.load(self._span.file.tenant, list(self._items)) if self._items else {}
            used = self._file = self._present_file()
            if _is_current(used, self._span) and entries:
                self._stored = store_decided(self._registry, entries.values(), self._decide)
                self._file = self._present_file()
            if not _is_current(self._file, self._span) or self._file.attributes == used.attributes:
                return self._file

    def report(self, tally: Tally, intake: Intake) -> None:
        """Tell the intake how the records came out."""
        source = self._span.file.document_id
        for document_id, entry in self._stored.items():
            item = self._items[document_id]
            if document_id in self._superseded:
                intake.superseded(document_id, source)
            elif document_id in self._problems:
                _refuse(document_id, self._problems[document_id], self._span, tally, intake)
            elif entry.status == "failed":
                tally.failed(document_id, entry.error)
                intake.failed(document_id, entry.error, source)
            elif entry.status == "indexing" and isinstance(item, Record):
                intake.stage(staged_record(entry, item, record_hash(self._recipe, item)))
            else:
                intake.settled(entry, "deleted" if entry.status == "deleted" else "unchanged")

    def _decide(self, entry: Registration) -> Registration:
        document_id = entry.document_id
        if document_id in self._decided:  # somebody was faster, perhaps with what a sidecar has said since
            self._file = self._present_file()
        self._decided.add(document_id)
        self._problems.pop(document_id, None)
        self._superseded.discard(document_id)
        origin = self._span.origin(document_id)
        if self._is_passed(entry, origin):
            return entry
        source, key, version = self._file.document_id, self._file.key, self._file.object_version
        taken = claim(entry, origin, source, key, self._clock(), object_version=version)
        if taken.granted:
            claimed, item = replace(taken.entry, generation=self._span.file.version), self._items[document_id]
            return record_entry(claimed, item, self._file, self._recipe, self._clock(), forced=self._span.forced)
        if taken.verdict == "claimed elsewhere":
            self._problems[document_id] = claimed_elsewhere(entry)
        elif taken.verdict == "superseded":
            self._superseded.add(document_id)
        return entry

    def _is_passed(self, entry: Registration, origin: Origin) -> bool:
        """Tell whether a newer change of the record, or of its file, came before; or this file had the id before."""
        if not _is_current(self._file, self._span):
            self._superseded.add(entry.document_id)
            return True
        if entry.source != self._file.document_id or entry.origin == origin.name:
            return False
        if turn_of(entry.generation) == self._file.turn and entry.origin.startswith(f"{self._file.origin}#"):
            self._problems[entry.document_id] = USED_BEFORE
            return True
        if turn_of(entry.generation) >= self._file.turn:
            self._superseded.add(entry.document_id)
            return True
        return False

    def _present_file(self) -> Registration:
        path = self._span.file.document_id
        file = self._files.load(self._span.file.tenant, [path])[path]
        return replace(file, hidden=file.hidden and self._require_sidecar)
