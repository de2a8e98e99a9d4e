"""Reap state: delete what the index still holds of versions that nobody needs, then what was staged for the work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import DoneResponse, WorkRequest
from rag.ingestion.deciding import store_decided
from rag.ingestion.erasing import erase, forget, slices
from rag.ingestion.staging import StagedVersion, Staging
from rag.ports import ChunkIndex, EmbeddingCache, ObjectStore, Pointer, Registry
from rag.registration import Registration, reaped


@dataclass(frozen=True)
class ReapVersions:
    """Leaves of the work's documents what the registry needs; of deleted ones nothing, cached vectors included.

    `endpoint` is where the embedding models are served, which the keys of the cache are made of.
    """

    objects: ObjectStore
    registry: Registry
    pointer: Pointer
    index_of: Callable[[IndexTarget], ChunkIndex]
    cache: EmbeddingCache
    endpoint: str

    def __call__(self, request: WorkRequest) -> DoneResponse:
        """Reap, and clear the work's staging last, so that another attempt knows what there is to do.

        Raises:
            UpstreamUnavailable: the index still shows what was deleted from it.
            TransientError, PermanentError: as the registry, the index and the cache do.
        """
        tenant = request.work.tenant
        staging = Staging(self.objects, request.work)
        claims = {claimed.document_id: claimed for claimed in staging.claims()}
        ids = list(claims)
        own = {version.document_id: version for version in staging.versions()}
        entries = self.registry.load(tenant, ids)
        outdated = {name: _outdated(entry, own.get(name)) for name, entry in entries.items()}
        deleted = {name for name, entry in entries.items() if entry.status == "deleted"}
        over = [name for name, entry in entries.items() if claims[name].version not in entry.needed]
        for target in self.pointer.read().targets:
            self._forget_staged(staging, target, deleted)
            self._erase(target, tenant, [one for name in sorted(deleted) for one in outdated[name]], forgetting=True)
            self._erase(target, tenant, [one for name in ids if name not in deleted for one in outdated[name]])
            self._sweep(target, tenant, over)
        gone = {name: {one.version: one.chunks for one in versions} for name, versions in outdated.items() if versions}
        store_decided(
            self.registry,
            [entries[name] for name in gone],
            lambda entry: reaped(entry, gone[entry.document_id]),
        )
        staging.clear()
        return DoneResponse(work=request.work, documents=len(ids))

    def _erase(
        self, target: IndexTarget, tenant: str, versions: Sequence[StagedVersion], *, forgetting: bool = False
    ) -> None:
        chunk_ids = [chunk_id for version in versions for chunk_id in version.chunk_ids(tenant)]
        self._erase_chunks(target, tenant, chunk_ids, forgetting=forgetting)

    def _erase_chunks(self, target: IndexTarget, tenant: str, chunk_ids: Sequence[str], *, forgetting: bool) -> None:
        """Erase the chunks; to forget them, ask the index for their texts while it holds them."""
        index = self.index_of(target)
        if forgetting:
            for ids in slices(chunk_ids):
                found = [item.chunk for item in index.fetch(tenant, ids)]
                forget(self.cache, tenant, self.endpoint, target, found)
        erase(index, tenant, chunk_ids)

    def _sweep(self, target: IndexTarget, tenant: str, ids: Sequence[str]) -> None:
        """Erase what else the index holds of documents of which this work has nothing to add any more.

        These are versions of executions that broke off after a successor had reaped. Each version is registered before
        it is written, so what the index showed before the registry was asked, and the registry does not need, is of no
        use to anybody.
        """
        left = list(self.index_of(target).entries(tenant, ids)) if ids else []
        if left:
            entries = self.registry.load(tenant, list({entry.document_id for entry in left}))
            stray = [one for one in left if one.version not in entries[one.document_id].needed]
            for forgetting in (True, False):
                chunk_ids = [
                    one.chunk_id for one in stray if (entries[one.document_id].status == "deleted") == forgetting
                ]
                self._erase_chunks(target, tenant, chunk_ids, forgetting=forgetting)

    def _forget_staged(self, staging: Staging, target: IndexTarget, deleted: set[str]) -> None:
        """Forget what this work itself may have embedded after its documents were deleted."""
        for batch in staging.batches() if deleted else ():
            chunks = [chunk for chunk in staging.chunks(batch) if chunk.document_id in deleted]
            forget(self.cache, staging.work.tenant, self.endpoint, target, chunks)


def _outdated(entry: Registration, own: StagedVersion | None) -> list[StagedVersion]:
    """Return the versions to erase: those that the registry counts, and the work's own, if it is needed no more.

    Its own may have been reaped by a successor before the last of its chunks arrived.
    """
    counts = entry.unreaped
    if own is not None and own.version not in entry.needed:
        counts[own.version] = max(own.chunks, counts.get(own.version, 0))
    return [StagedVersion(entry.document_id, entry.turn, name, count) for name, count in counts.items()]
