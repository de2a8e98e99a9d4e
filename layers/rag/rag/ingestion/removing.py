"""Documents go: for their readers at once, from the index afterwards."""

from collections.abc import Callable
from dataclasses import dataclass

from rag.ingestion.changes import Removed
from rag.ingestion.claiming import FileChange, claimed_entry
from rag.ingestion.deciding import store_decided
from rag.ingestion.intake import Intake
from rag.ports import Registry
from rag.registration import Registration, deleted, noticed


@dataclass(frozen=True, slots=True)
class RemoveDocument:
    """Deletes documents in the registry; what the index still holds of them no reader sees any more."""

    registry: Registry
    require_sidecar: bool
    clock: Callable[[], str]

    def __call__(self, tenant: str, change: FileChange, intake: Intake) -> Registration:
        """Delete a document, and return its entry as it is then.

        Raises:
            TransientError: the registry could not be reached.
        """

        def decide(entry: Registration) -> Registration:
            claimed = claimed_entry(entry, change, self.clock(), require_sidecar=self.require_sidecar)
            return deleted(claimed.entry, self.clock()) if claimed.granted else entry

        loaded = self.registry.load(tenant, [change.document_id]).values()
        entry = store_decided(self.registry, loaded, decide)[change.document_id]
        if entry.status == "deleted":
            intake.settled(entry, "deleted")
        else:
            intake.superseded(entry.document_id, entry.source)
        return entry

    def notice(self, change: Removed) -> None:
        """Note a deletion of an object that is not the document's any more, so that older events of it count as such.

        Raises:
            TransientError: the registry could not be reached.
        """
        path = change.key.path
        loaded = self.registry.load(change.key.tenant, [path]).values()
        store_decided(self.registry, loaded, lambda entry: noticed(entry, change.origin))
