"""Regroup state: bring what a sidecar said later to the chunks in the index, without embedding again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from rag.errors import UpstreamUnavailable
from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import DoneResponse, WorkRequest
from rag.ingestion.deciding import store_decided
from rag.ingestion.erasing import erase, slices
from rag.ingestion.indexing import described_chunk
from rag.ingestion.results import Result, write_results
from rag.ingestion.staging import StagedVersion, Staging
from rag.models import IndexedChunk
from rag.ports import ChunkIndex, ObjectStore, Pointer, Registry
from rag.registration import Registration

_ROUNDS: Final = 10  # each is followed by another one only where something changed meanwhile


@dataclass(frozen=True)
class RegroupChunks:
    """Writes the live versions' chunks again as the registry describes them now, until it describes them so still."""

    objects: ObjectStore
    registry: Registry
    pointer: Pointer
    index_of: Callable[[IndexTarget], ChunkIndex]

    def __call__(self, request: WorkRequest) -> DoneResponse:
        """Bring the work's documents up to date, and clear its staging.

        Raises:
            UpstreamUnavailable: they kept changing, or the index still shows what was deleted from it.
            TransientError, PermanentError: as the registry and the index do.
        """
        tenant = request.work.tenant
        staging = Staging(self.objects, request.work)
        ids = list({claimed.document_id for claimed in staging.claims()})
        touched = {(one.document_id, one.version): one for one in staging.versions()}
        wrote = {one.document_id: "" for one in touched.values()}  # an earlier attempt, nobody knows what
        for _ in range(_ROUNDS):
            outdated = [entry for entry in self.registry.load(tenant, ids).values() if _is_outdated(entry, wrote)]
            if not outdated:
                break
            touched |= {(one.document_id, one.version): one for one in map(_live_version, outdated)}
            staging.write_versions(list(touched.values()))  # first, so that another attempt can take it back
            for entry in outdated:
                self._rewrite(tenant, entry)
            wrote |= {entry.document_id: entry.attributes for entry in outdated}
            self._note(outdated)
        else:
            raise UpstreamUnavailable("What describes these documents kept changing meanwhile.")
        self._take_back(tenant, list(touched.values()))
        write_results(
            self.objects,
            request.work,
            "regroup",
            [Result(one.document_id, "ready", chunks=one.chunks) for one in touched.values()],
        )
        staging.clear()
        return DoneResponse(work=request.work, documents=len(ids))

    def _rewrite(self, tenant: str, entry: Registration) -> None:
        for target in self.pointer.read().targets:
            index = self.index_of(target)
            for chunk_ids in slices(_live_version(entry).chunk_ids(tenant)):
                found = index.fetch(tenant, chunk_ids)
                chunks = [IndexedChunk(described_chunk(item.chunk, entry), item.vector) for item in found]
                if len(chunks) < len(chunk_ids) and self._is_live(tenant, entry):
                    raise UpstreamUnavailable("The index does not show all chunks of a live version: run rag doctor.")
                if chunks:
                    index.upsert(tenant, chunks)

    def _is_live(self, tenant: str, seen: Registration) -> bool:
        [entry] = self.registry.load(tenant, [seen.document_id]).values()
        return entry.live_version == seen.live_version

    def _note(self, written: Sequence[Registration]) -> None:
        """Store which attributes the index carries now, unless that is outdated by now."""
        before = {entry.document_id: entry for entry in written}

        def decide(entry: Registration) -> Registration | None:
            wrote = before[entry.document_id]
            if (entry.live_version, entry.attributes) != (wrote.live_version, wrote.attributes):
                return None
            return replace(entry, indexed_attributes=wrote.attributes)

        store_decided(self.registry, written, decide)

    def _take_back(self, tenant: str, touched: Sequence[StagedVersion]) -> None:
        """Erase what was written of versions that were replaced meanwhile: they may have been reaped just before."""
        entries = self.registry.load(tenant, list({one.document_id for one in touched}))
        gone = [one for one in touched if one.version not in entries[one.document_id].needed]
        chunk_ids = [chunk_id for one in gone for chunk_id in one.chunk_ids(tenant)]
        for target in self.pointer.read().targets if gone else ():
            erase(self.index_of(target), tenant, chunk_ids)


def _is_outdated(entry: Registration, wrote: Mapping[str, str]) -> bool:
    """Tell whether to write its chunks: they are described otherwise, or this work wrote over newer ones."""
    mine = wrote.get(entry.document_id, entry.attributes)
    return bool(entry.live_version) and not entry.indexed_attributes == entry.attributes == mine


def _live_version(entry: Registration) -> StagedVersion:
    return StagedVersion(entry.document_id, entry.turn, entry.live_version, entry.chunks)
