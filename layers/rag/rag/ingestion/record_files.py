"""Files of records as such: each has an entry and turns of its own, which say what its records are to be."""

from collections.abc import Callable
from dataclasses import dataclass

from rag.documents.naming import printable
from rag.ingestion.claiming import GONE, ClaimFile, FileChange, claimed_entry
from rag.ingestion.deciding import store_decided
from rag.ingestion.file_turns import end_turn
from rag.ingestion.intake import Intake
from rag.ingestion.keeping import give_readers
from rag.ingestion.reading_records import ReadRecords, Span, Tally
from rag.ingestion.recipes import Recipe
from rag.ingestion.vanishing import delete_vanished
from rag.ports import ObjectStore, Registry
from rag.registration import Registration, deleted


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """Brings the records of one file to what the file holds now."""

    files: Registry
    registry: Registry
    objects: ObjectStore
    read_records: ReadRecords
    max_bytes: int  # of a file that is read at once
    require_sidecar: bool
    clock: Callable[[], str]

    def read(self, tenant: str, change: FileChange, recipe: Recipe, intake: Intake) -> None:
        """Take the turns of the file and of its records; those that it holds no more are deleted.

        Raises:
            TransientError: the registry or the bucket could not be reached.
        """
        claim = ClaimFile(self.files, self.objects, self.require_sidecar, self.max_bytes, self.clock)
        claimed = claim(tenant, change)
        file = claimed.entry
        if claimed.verdict == "superseded":
            self._superseded(file, intake)
        elif file.status in ("failed", "deleted"):
            intake.settled_file(file)
            self._keep(file, intake)
        else:  # also when it was read before: its records may not have got through
            info = self.objects.info(change.key)
            span = Span(file, info.etag if info else "", 0, change.size, forced=change.forced)
            self._finish(file, change, self.read_records(span, recipe, intake), intake)

    def remove(self, tenant: str, change: FileChange, intake: Intake) -> None:
        """Delete the file's entry and all its records.

        Raises:
            TransientError: the registry could not be reached.
        """

        def decide(entry: Registration) -> Registration:
            claimed = claimed_entry(entry, change, self.clock(), require_sidecar=self.require_sidecar)
            return deleted(claimed.entry, self.clock()) if claimed.granted else entry

        loaded = self._load(tenant, change.document_id)
        file = store_decided(self.files, [loaded], decide)[change.document_id]
        if file.status == "deleted":
            self._vanish(file, intake)
        else:
            intake.superseded(file.document_id, file.document_id)

    def _finish(self, file: Registration, change: FileChange, tally: Tally, intake: Intake) -> None:
        if not tally.current:
            present = self._load(file.tenant, file.document_id)
            if present.turn == file.turn and change.missing == "failed":
                end_turn(self.files, file, GONE, self.clock(), complete=False, refused=False)
                intake.failed(file.document_id, GONE, file.document_id)
                self._keep(file, intake)
            else:
                self._superseded(present, intake)
            return
        complete = not tally.unreadable
        if complete:
            self._vanish(file, intake)
        else:
            self._keep(file, intake)
        end_turn(self.files, file, told(tally), self.clock(), complete=complete, refused=tally.refused > 0)

    def _keep(self, file: Registration, intake: Intake) -> None:
        """Give the records that stay, also those that the file may hold no more, the readers that the file has now."""
        for entry in give_readers(self.registry, self.files, file, self.clock):
            intake.lagging(entry)

    def _superseded(self, file: Registration, intake: Intake) -> None:
        """Clean up behind an older turn: it may have stored records after the present one had looked for them."""
        if file.status == "deleted" or file.generation == file.version:
            self._vanish(file, intake)
        intake.superseded(file.document_id, file.document_id)

    def _vanish(self, file: Registration, intake: Intake) -> None:
        for entry in delete_vanished(self.registry, file, self.clock):
            intake.settled(entry, "deleted")

    def _load(self, tenant: str, path: str) -> Registration:
        return self.files.load(tenant, [path])[path]


def told(tally: Tally) -> str:
    """Say what was wrong with a file's records, or nothing."""
    if not tally.failures:
        return ""
    kept = " Records that it holds no more are kept until all its lines can be read." if tally.unreadable else ""
    return f"{tally.failures:,} of {tally.records:,} records failed; first: {printable(tally.first_failure)}{kept}"
