"""A sidecar came: its document's entry takes up what it says at once, and the index follows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from rag.documents.document import Rejected
from rag.documents.records import Record, records
from rag.ingestion.blocks import ReplacedMeanwhile, line_blocks
from rag.ingestion.changes import Stored
from rag.ingestion.deciding import store_decided
from rag.ingestion.intake import Intake
from rag.ingestion.keeping import give_readers
from rag.ingestion.record_entries import with_attributes
from rag.ingestion.sidecars import Unusable, applied, find_sidecar
from rag.objects import SIDECAR_SUFFIX
from rag.ports import ObjectStore, Registry
from rag.registration import Registration, misdescribed

_TOGETHER = 100


@dataclass(frozen=True, slots=True)
class Described:
    """An entry as it is stored after a sidecar came, and what is wrong with that sidecar, if anything."""

    entry: Registration
    problem: str


@dataclass(frozen=True, slots=True)
class DescribeDocuments:
    """Takes up sidecars of documents, and of files of records, whose records all take it up."""

    objects: ObjectStore
    registry: Registry
    files: Registry
    require_sidecar: bool
    clock: Callable[[], str]

    def document(self, change: Stored, intake: Intake) -> Described:
        """Take up the sidecar of a document. Where that is live, the index has to follow.

        Raises:
            TransientError: the registry or the bucket could not be reached.
        """
        described = self._described(self.registry, change)
        if described.problem:
            intake.failed(described.entry.document_id, described.problem, described.entry.document_id)
        else:
            intake.settled(described.entry, "unchanged")
        return described

    def file(self, change: Stored, intake: Intake) -> Described:
        """Take up the sidecar of a file of records, and describe all that the registry knows of them.

        Raises:
            TransientError: the registry or the bucket could not be reached.
        """
        described = self._described(self.files, change)
        file = described.entry
        info = self.objects.info(file.key) if file.key and file.status != "deleted" else None
        if described.problem:
            intake.failed(file.document_id, described.problem, file.document_id)
            return described
        for entry in give_readers(self.registry, self.files, file, self.clock):  # at once, however long the file is
            intake.lagging(entry)
        if info is not None:
            try:
                for block in line_blocks(self.objects, file.key, info.etag, 0, info.size):
                    items = records(file.document_id, block.data, block.first_line)
                    while some := list(islice(items, _TOGETHER)):
                        self._describe(file, some, intake)
            except ReplacedMeanwhile:  # the event of what took its place brings the records to this sidecar
                intake.superseded(file.document_id, file.document_id)
        return described

    def _described(self, registry: Registry, change: Stored) -> Described:
        path, tenant = change.key.document_path, change.key.tenant
        document = change.key.key.removesuffix(SIDECAR_SUFFIX)
        problem = ""

        def decide(entry: Registration) -> Registration:
            nonlocal problem
            sidecar, now = find_sidecar(self.objects, document), self.clock()
            problem = sidecar.reason if isinstance(sidecar, Unusable) else ""
            if sidecar is None:
                return entry
            if isinstance(sidecar, Unusable):
                return misdescribed(entry, change.origin, sidecar.reason, now) or entry
            return applied(entry, sidecar, now, change.origin)

        entry = registry.load(tenant, [path])[path]
        return Described(store_decided(registry, [entry], decide)[path], problem)

    def _describe(self, file: Registration, items: Sequence[Record | Rejected], intake: Intake) -> None:
        """Describe records of which the registry knows; those that it does not are about to be read with this."""
        by_id = {item.id: item for item in reversed(items) if isinstance(item, Record)}

        entries = self.registry.load(file.tenant, list(by_id)).values()
        present = self._present(file)  # after them: a newer one conflicts
        decided: set[str] = set()

        def decide(entry: Registration) -> Registration | None:
            nonlocal present
            if entry.document_id in decided:
                present = self._present(file)
            decided.add(entry.document_id)
            if not entry.revision or entry.source != file.document_id or entry.status == "deleted":
                return None
            described = with_attributes(entry, by_id[entry.document_id], present)
            return entry if described == entry else replace(described, updated_at=self.clock())

        for entry in store_decided(self.registry, entries, decide).values():
            intake.settled(entry, "unchanged")

    def _present(self, file: Registration) -> Registration:
        present = self.files.load(file.tenant, [file.document_id])[file.document_id]
        return replace(present, hidden=present.hidden and self.require_sidecar)
