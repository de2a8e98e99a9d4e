"""Read state: bring documents to what the bucket holds now, as far as their text; later states go on from there.

An event is only a hint to look: what counts is the object that is current at that moment. Whatever is done here can be
done again, by a second delivery or a second attempt, and comes to the same.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from rag.errors import InvalidRequest
from rag.ingestion.by_hand import ChangeByHand
from rag.ingestion.changes import (
    ByHand,
    CopyItem,
    Ignored,
    ListedObject,
    ObjectsItem,
    RecordsItem,
    Removed,
    Stored,
    document_key,
    is_record_file,
    parse_change,
    run_origin,
    work_of,
)
from rag.ingestion.claiming import FileChange
from rag.ingestion.contracts import ReadRequest, ReadResponse
from rag.ingestion.describing import DescribeDocuments
from rag.ingestion.intake import Intake
from rag.ingestion.reading_files import Extractor, ReadFiles
from rag.ingestion.reading_records import ReadRecords, Span
from rag.ingestion.recipes import Recipe
from rag.ingestion.record_files import RecordFiles
from rag.ingestion.removing import RemoveDocument
from rag.ingestion.settings import ReadingSettings
from rag.ingestion.staging import Staging
from rag.objects import DocumentKey, ObjectInfo
from rag.ports import ObjectStore, Pointer, Registry
from rag.registration import Origin, Registration

REPLACED: Final = "The file was replaced while it was ingested. Ingest it again."


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """Takes the turn of each document of a change, and stages the text of those that are new."""

    objects: ObjectStore
    registry: Registry
    files: Registry
    pointer: Pointer
    extractor: Extractor
    settings: ReadingSettings
    clock: Callable[[], str]

    def __call__(self, request: ReadRequest) -> ReadResponse:
        """Return what was staged, and which state goes on with it.

        Raises:
            InvalidRequest: the input is none that may start an ingestion.
            TransientError: worth another attempt.
        """
        change = parse_change(request.input, self.settings.bucket)
        intake = Intake(Staging(self.objects, work_of(change, request.trace_id)))
        match change:
            case Stored():
                self._stored(change, intake)
            case Removed():
                self._removed(change, intake)
            case ByHand():
                self._by_hand()(change, request.trace_id, self._recipe(), intake)
            case ObjectsItem():
                self._files()(change.tenant, list(_listed(change)), self._recipe(), intake)
            case RecordsItem():
                self._span(change, intake)
            case CopyItem():
                self._copied(change, intake)
            case Ignored():
                pass
        return intake.close()

    def _stored(self, event: Stored, intake: Intake) -> None:
        info = self.objects.info(event.key.key)
        path = event.key.document_path
        if info is None or not event.is_of(info):  # the event of what took its place is on its way
            intake.superseded(path, path)
        elif event.key.is_sidecar:
            self._described(event, intake)
        else:
            self._bring(event.key, event.origin, info, intake)

    def _described(self, event: Stored, intake: Intake) -> None:
        required = self.settings.require_sidecar
        describe = DescribeDocuments(self.objects, self.registry, self.files, required, self.clock)
        path = event.key.document_path
        described = (describe.file if is_record_file(path) else describe.document)(event, intake)
        if not described.problem:
            self._bring_failed(described.entry, event, intake)

    def _bring_failed(self, entry: Registration, event: Stored | Removed, intake: Intake) -> None:
        """Read a document that failed once more: that may have been for the sidecar that it had before this event."""
        key = DocumentKey.parse(entry.key)
        info = self.objects.info(key.key) if key is not None and entry.status == "failed" else None
        if key is not None and info is not None:
            self._bring(key, Origin(event.origin.name), info, intake)

    def _bring(self, key: DocumentKey, origin: Origin, info: ObjectInfo, intake: Intake) -> None:
        version = info.version_id or info.etag
        change = FileChange(key.path, key.key, origin, info.size, version, alone=True)
        if is_record_file(key.path):
            self._record_files().read(key.tenant, change, self._recipe(), intake)
        else:
            self._files()(key.tenant, [change], self._recipe(), intake)

    def _removed(self, event: Removed, intake: Intake) -> None:
        key = event.key
        of_records = is_record_file(key.document_path)
        registry = self.files if of_records else self.registry
        entry = registry.load(key.tenant, [key.document_path])[key.document_path]
        info = self.objects.info(key.key)
        if key.is_sidecar:  # what it said stays: access never opens because a file is gone
            if info is None:
                self._bring_failed(entry, event, intake)
            return
        if info is not None:  # a version expired, or it was put again, and the event of that is on its way
            if event.for_good and entry.key in ("", key.key) and not _is_read(info, entry):
                self._bring(key, event.origin, info, intake)  # what was current is gone for good
            else:
                intake.superseded(key.path, key.path)
        elif entry.key not in ("", key.key):
            RemoveDocument(registry, self.settings.require_sidecar, self.clock).notice(event)
        else:
            change = FileChange(key.path, key.key, event.origin, 0, "", sidecar=False)
            remove = self._record_files().remove if of_records else self._remove()
            remove(key.tenant, change, intake)

    def _span(self, item: RecordsItem, intake: Intake) -> None:
        wanted = item.records
        key = document_key(wanted.key)
        if key is None or key.tenant != item.tenant:
            raise InvalidRequest("The records of a run must lie below the run's tenant.")
        file = self.files.load(item.tenant, [key.path])[key.path]
        span = Span(file, wanted.etag, wanted.start, wanted.end)
        if file.version != wanted.generation or file.status == "deleted":
            intake.superseded(span.name, key.path)
            return
        tally = self._records()(span, self._recipe(), intake)
        if not tally.current:
            intake.failed(span.name, REPLACED, key.path)
            intake.unreadable += 1

    def _copied(self, item: CopyItem, intake: Intake) -> None:
        for entry in self.registry.load(item.tenant, item.copy.documents).values():
            if entry.live_version:
                intake.copy(entry)

    def _recipe(self) -> Recipe:
        return Recipe(self.settings.chunk_size, self.settings.chunk_overlap, self.pointer.read().live)

    def _files(self) -> ReadFiles:
        limit, required = self.settings.max_document_bytes, self.settings.require_sidecar
        return ReadFiles(self.objects, self.registry, self.extractor, limit, required, self.clock)

    def _record_files(self) -> RecordFiles:
        limit, required = self.settings.max_document_bytes, self.settings.require_sidecar
        return RecordFiles(self.files, self.registry, self.objects, self._records(), limit, required, self.clock)

    def _records(self) -> ReadRecords:
        return ReadRecords(self.objects, self.registry, self.files, self.settings.require_sidecar, self.clock)

    def _remove(self) -> RemoveDocument:
        return RemoveDocument(self.registry, self.settings.require_sidecar, self.clock)

    def _by_hand(self) -> ChangeByHand:
        return ChangeByHand(
            self.objects,
            self.registry,
            self.files,
            self._files(),
            self._record_files(),
            self._remove(),
            self.settings.require_sidecar,
            self.clock,
        )


def _is_read(info: ObjectInfo, entry: Registration) -> bool:
    """Tell whether the document's latest turn was about this object."""
    return entry.object_version in (info.version_id, info.etag)


def _listed(item: ObjectsItem) -> Iterable[FileChange]:
    for listed in item.objects:
        key = document_key(listed.key)
        if key is None or key.tenant != item.tenant:
            raise InvalidRequest("The objects of a run must lie below the run's tenant.")
        yield _file_change(item, listed, key)


def _file_change(item: ObjectsItem, listed: ListedObject, key: DocumentKey) -> FileChange:
    alone = len(item.objects) == 1
    origin = run_origin(item.run, listed.key)
    change = FileChange(key.path, listed.key, origin, listed.size, listed.etag, sidecar=listed.sidecar, alone=alone)
    return replace(change, missing="failed")
