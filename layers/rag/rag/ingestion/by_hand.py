"""Changes that somebody asks for by a document's id. They take the next place in the order of its changes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rag.documents.document import Rejected
from rag.documents.records import Record, records
from rag.errors import InvalidRequest
from rag.ingestion.blocks import ReplacedMeanwhile, line_blocks
from rag.ingestion.changes import ByHand, is_record_file
from rag.ingestion.claiming import GONE, FileChange
from rag.ingestion.deciding import store_decided
from rag.ingestion.intake import Intake
from rag.ingestion.reading_files import ReadFiles
from rag.ingestion.recipes import Recipe
from rag.ingestion.record_entries import record_entry, record_hash, staged_record
from rag.ingestion.record_files import RecordFiles
from rag.ingestion.removing import RemoveDocument
from rag.objects import SIDECAR_SUFFIX, WATCHED
from rag.ports import ObjectStore, Registry
from rag.registration import Claim, Origin, Registration, claim, deleted, failed

UNKNOWN = "There is no document with this id."


@dataclass(frozen=True, slots=True)
class ChangeByHand:
    """Ingests, reads again or deletes one document, or a file of records with all of them."""

    objects: ObjectStore
    registry: Registry
    files: Registry
    read_files: ReadFiles
    record_files: RecordFiles
    remove: RemoveDocument
    require_sidecar: bool
    clock: Callable[[], str]

    def __call__(self, change: ByHand, trace_id: str, recipe: Recipe, intake: Intake) -> None:
        """Make the change.

        Raises:
            InvalidRequest: there is no such document.
            TransientError: the registry or the bucket could not be reached.
        """
        entry = self._entry(self.registry, change)
        if entry.source not in ("", change.document_id):
            if change.action == "delete":  # of the record alone: its file stays
                self.remove(change.tenant, _file_change(entry, change, trace_id), intake)
            else:
                self._read_record(entry, change.origin(trace_id), recipe, intake)
            return
        of_records = is_record_file(change.document_id)
        entry = self._entry(self.files, change) if of_records else entry
        wanted = _file_change(entry, change, trace_id)
        info = self.objects.info(wanted.key)
        if info is None and not entry.revision:
            raise InvalidRequest(UNKNOWN)
        if change.action == "delete":
            self._delete(change, wanted, intake, of_records=of_records)
            return
        if info is not None:
            wanted = replace(wanted, size=info.size, object_version=info.version_id or info.etag)
        if of_records:
            self.record_files.read(change.tenant, wanted, recipe, intake)
        else:
            self.read_files(change.tenant, [wanted], recipe, intake)

    def _delete(self, change: ByHand, wanted: FileChange, intake: Intake, *, of_records: bool) -> None:
        """Delete the entry first, so that no reader sees the document once its object is gone."""
        remove = self.record_files.remove if of_records else self.remove
        remove(change.tenant, wanted, intake)
        self.objects.delete([wanted.key, wanted.key + SIDECAR_SUFFIX])
        present = self._entry(self.files if of_records else self.registry, change)
        if present.status != "deleted" and present.key == wanted.key and self.objects.info(wanted.key) is None:
            again = Origin(f"{wanted.origin.name}#again")  # somebody began to read the object before it was gone
            remove(change.tenant, replace(wanted, origin=again), intake)

    def _read_record(self, entry: Registration, origin: Origin, recipe: Recipe, intake: Intake) -> None:
        """Read one record again, out of its file; it is deleted if that holds it no more."""
        tenant, document_id = entry.tenant, entry.document_id
        item = self._found(entry)
        claims: list[Claim] = []

        def decide(present: Registration) -> Registration:
            loaded = self.files.load(tenant, [entry.source])[entry.source]  # after the record: a newer one conflicts
            file, now = replace(loaded, hidden=loaded.hidden and self.require_sidecar), self.clock()
            claims.append(claim(present, origin, entry.source, entry.key, now))
            claimed = claims[-1].entry
            if not claims[-1].granted:
                return present
            if item is None:
                return deleted(claimed, now)
            if isinstance(item, str):
                return failed(claimed, claimed.turn, item, now) or claimed
            return record_entry(claimed, item, file, recipe, now, forced=True)

        stored = store_decided(self.registry, [entry], decide)[document_id]
        if claims[-1].verdict == "superseded":
            intake.superseded(document_id, entry.source)
        elif stored.status == "failed":
            intake.failed(document_id, stored.error, stored.source)
        elif stored.status == "indexing" and isinstance(item, Record):
            intake.stage(staged_record(stored, item, record_hash(recipe, item)))
        else:
            intake.settled(stored, "deleted" if stored.status == "deleted" else "unchanged")

    def _found(self, entry: Registration) -> Record | Rejected | str | None:
        """Return the record as its file has it now, None if it has it no more, or why that cannot be told."""
        info = self.objects.info(entry.key)
        if info is None:
            return GONE
        try:
            for block in line_blocks(self.objects, entry.key, info.etag, 0, info.size):
                for item in records(entry.source, block.data, block.first_line):
                    if entry.document_id == (item.id if isinstance(item, Record) else item.document_id):
                        return item
        except ReplacedMeanwhile:
            return "Its file was replaced while it was read. Try again."
        return None

    def _entry(self, registry: Registry, change: ByHand) -> Registration:
        return registry.load(change.tenant, [change.document_id])[change.document_id]


def _file_change(entry: Registration, change: ByHand, trace_id: str) -> FileChange:
    in_use = entry.status == "ready" and change.action == "reindex"  # what described it last may lie elsewhere
    return FileChange(
        document_id=change.document_id,
        key=entry.key or f"{WATCHED}{change.tenant}/{change.document_id}",
        origin=change.origin(trace_id),
        size=0,
        object_version="",
        sidecar=not in_use,
        forced=change.action == "reindex",
        alone=True,
        source=entry.source,
        missing="failed",
    )
