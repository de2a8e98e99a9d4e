"""Files that are one document each: take their turn, fetch them, and make text of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final, Protocol

from rag.documents.document import Extracted
from rag.documents.naming import check_id, printable
from rag.errors import UnreadableDocument
from rag.ingestion.claiming import GONE, FileChange, claimed_elsewhere, claimed_entry, described_entry, too_large
from rag.ingestion.deciding import store_decided
from rag.ingestion.intake import Intake
from rag.ingestion.recipes import Recipe
from rag.ingestion.sidecars import Found, find_sidecar
from rag.ingestion.staging import StagedDocument
from rag.objects import ObjectContent, ObjectInfo
from rag.ports import ObjectStore, Registry
from rag.registration import Registration, Verdict, failed, unchanged

_FETCHERS: Final = 8
_WINDOW_BYTES: Final = 32_000_000  # of objects that are in memory together; one alone may be larger
_WINDOW_OBJECTS: Final = 32


class Extractor(Protocol):
    """Makes text of a file's bytes."""

    def __call__(self, name: str, data: bytes) -> Extracted:
        """Return the text of a file with this name.

        Raises:
            UnreadableDocument: there is none to be had; the message says why, and what to do.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Fetched:
    change: FileChange
    info: ObjectInfo | None
    extracted: Extracted | None = None
    content_hash: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ReadFiles:
    """Reads files of one tenant into an intake."""

    objects: ObjectStore
    registry: Registry
    extractor: Extractor
    max_document_bytes: int
    require_sidecar: bool
    clock: Callable[[], str]

    def __call__(self, tenant: str, changes: Sequence[FileChange], recipe: Recipe, intake: Intake) -> None:
        """Take the turns of these files, and stage those whose content is new.

        Raises:
            TransientError: the registry or the bucket could not be reached.
        """
        sound = [change for change in changes if not self._refused(change, intake)]
        claimed = self._claim(tenant, sound, intake)
        wanted = [change for change in sound if change.document_id in claimed]
        with ThreadPoolExecutor(_FETCHERS, thread_name_prefix="fetch") as fetchers:
            for window in _windows(wanted):
                fetched = fetchers.map(self._fetch, window)
                read = [self._read(*pair, recipe) for pair in zip(window, fetched, strict=True)]
                self._store(read, claimed, intake)

    def _refused(self, change: FileChange, intake: Intake) -> bool:
        try:
            check_id(change.document_id)
        except UnreadableDocument as error:
            intake.failed(printable(change.document_id), str(error), printable(change.document_id))
            return True
        return False

    def _claim(self, tenant: str, changes: Sequence[FileChange], intake: Intake) -> Mapping[str, Registration]:
        """Take the turns, and return the entries of those that are to be fetched."""
        by_id = {change.document_id: change for change in changes}
        entries = self.registry.load(tenant, list(by_id))
        sidecars = self._sidecars(changes)  # found after the entries were read: a newer one is a conflict then
        verdicts: dict[str, Verdict] = {}

        def decide(entry: Registration) -> Registration:
            change, now = by_id[entry.document_id], self.clock()
            taken = claimed_entry(entry, change, now, require_sidecar=self.require_sidecar)
            verdicts[entry.document_id] = taken.verdict
            if not taken.granted:
                return entry
            sidecar = sidecars.pop(entry.document_id) if entry.document_id in sidecars else self._sidecar(change)
            return described_entry(taken.entry, change, sidecar, now, self.max_document_bytes)

        stored = store_decided(self.registry, entries.values(), decide)
        for document_id, entry in stored.items():
            _note(entry, verdicts[document_id], intake)
        return {name: entry for name, entry in stored.items() if _is_open(entry, verdicts[name])}

    def _sidecars(self, changes: Sequence[FileChange]) -> dict[str, Found]:
        with ThreadPoolExecutor(_FETCHERS, thread_name_prefix="sidecar") as fetchers:
            found = fetchers.map(self._sidecar, changes)
            return {change.document_id: sidecar for change, sidecar in zip(changes, found, strict=True)}

    def _sidecar(self, change: FileChange) -> Found:
        return find_sidecar(self.objects, change.key) if change.sidecar else None

    def _fetch(self, change: FileChange) -> ObjectContent | None:
        """Fetch an object; of one that was put meanwhile and is too large, no more than shows that."""
        return self.objects.read(change.key, end=self.max_document_bytes + 1)

    def _read(self, change: FileChange, content: ObjectContent | None, recipe: Recipe) -> _Fetched:
        if content is None:
            return _Fetched(change, None, problem=GONE)
        if len(content.data) > self.max_document_bytes:
            return _Fetched(change, content.info, problem=too_large(self.max_document_bytes))
        content_hash = recipe.digest(change.document_id.encode(), content.data)
        try:
            extracted = self.extractor(change.document_id, content.data)
        except UnreadableDocument as error:
            return _Fetched(change, content.info, problem=str(error))
        return _Fetched(change, content.info, extracted, content_hash)

    def _store(self, read: Sequence[_Fetched], claimed: Mapping[str, Registration], intake: Intake) -> None:
        by_id = {item.change.document_id: item for item in read if not _is_superseded(item)}

        def decide(entry: Registration) -> Registration | None:
            item = by_id[entry.document_id]
            if entry.turn != claimed[entry.document_id].turn or entry.status == "deleted":
                return None
            return _outcome(entry, item, self.clock())

        stored = store_decided(self.registry, [claimed[document_id] for document_id in by_id], decide)
        for item in read:
            document_id = item.change.document_id
            if document_id in stored:
                _take(stored[document_id], item, intake)
            else:
                intake.superseded(document_id, document_id)


def _outcome(entry: Registration, item: _Fetched, now: str) -> Registration:
    if item.extracted is None:
        return _failed(entry, item.problem, now)
    told = replace(
        entry,
        title=item.extracted.title,
        format=item.extracted.format,
        size=item.info.size if item.info else 0,
        stripped=item.extracted.stripped,
    )
    return unchanged(told, now) if _is_unchanged(told, item) else replace(told, status="indexing", error="")


def _is_unchanged(entry: Registration, item: _Fetched) -> bool:
    if item.change.forced or not entry.live_version or entry.content_hash != item.content_hash:
        return False
    return item.change.alone or entry.attributes == entry.indexed_attributes


def _is_superseded(item: _Fetched) -> bool:
    """Tell whether the object is not the one whose event took the turn: another event is on its way then."""
    if item.change.missing == "failed":
        return False
    return item.info is None or item.change.object_version not in (item.info.version_id, item.info.etag)


def _take(entry: Registration, item: _Fetched, intake: Intake) -> None:
    if entry.status == "failed":
        intake.failed(entry.document_id, entry.error, entry.source)
    elif entry.status == "ready":
        intake.settled(entry, "unchanged")
    elif item.extracted is not None:
        intake.stage(
            StagedDocument(
                document_id=entry.document_id,
                turn=entry.turn,
                version=entry.version,
                title=item.extracted.title,
                source=entry.source,
                text=item.extracted.text,
                content_hash=item.content_hash,
                format=item.extracted.format,
                pages=list(item.extracted.pages),
                stripped=item.extracted.stripped,
            )
        )


def _note(entry: Registration, verdict: Verdict, intake: Intake) -> None:
    """Tell the intake of an entry that goes no further."""
    if verdict == "superseded":
        intake.superseded(entry.document_id, entry.document_id)
    elif verdict == "claimed elsewhere":
        intake.failed(entry.document_id, claimed_elsewhere(entry), entry.document_id)
    elif verdict == "done":
        intake.settled(entry, "deleted" if entry.status == "deleted" else "unchanged")
    elif entry.status == "failed":
        intake.failed(entry.document_id, entry.error, entry.source)


def _is_open(entry: Registration, verdict: Verdict) -> bool:
    return verdict in ("taken", "resumed") and entry.status == "indexing"


def _failed(entry: Registration, reason: str, now: str) -> Registration:
    return failed(entry, entry.turn, reason, now) or entry


def _windows(changes: Sequence[FileChange]) -> Iterator[list[FileChange]]:
    window: list[FileChange] = []
    size = 0
    for change in changes:
        if window and (len(window) == _WINDOW_OBJECTS or size + change.size > _WINDOW_BYTES):
            yield window
            window, size = [], 0
        window.append(change)
        size += change.size
    if window:
        yield window
