"""Copy state: stage the live versions' chunks as the index has them, to be embedded for the next collection."""

from collections.abc import Callable, Container
from dataclasses import dataclass, replace

import msgspec

from rag.index_pointer import IndexTarget
from rag.ingestion.chunking import batches_for
from rag.ingestion.contracts import ChunkResponse, WorkRequest
from rag.ingestion.erasing import slices
from rag.ingestion.packing import Packer
from rag.ingestion.results import Result, write_results
from rag.ingestion.staging import StagedVersion, Staging
from rag.ports import ChunkIndex, ObjectStore, Pointer, Registry
from rag.registration import Registration


@dataclass(frozen=True)
class CopyChunks:
    """Makes batches of what is live in the live collection. What is live stays so: a copy is no new version."""

    objects: ObjectStore
    registry: Registry
    pointer: Pointer
    index_of: Callable[[IndexTarget], ChunkIndex]

    def __call__(self, request: WorkRequest) -> ChunkResponse:
        """Stage the batches; there are none where no next collection is being filled any more.

        A document of which the live collection lacks chunks is left out and reported.

        Raises:
            UnreadableDocument: the work is too large.
            TransientError, PermanentError: as the registry and the index do.
        """
        work = request.work
        staging = Staging(self.objects, work)
        staging.clear_batches()
        pointer = self.pointer.read()
        targets = () if pointer.next is None else (pointer.next,)
        entries = self.registry.load(work.tenant, list({claimed.document_id for claimed in staging.claims()}))
        live = [entry for entry in entries.values() if entry.live_version] if targets else []
        packer = Packer(staging.write_chunks)
        copied = [self._packed(packer, pointer.live, entry) for entry in live]
        packer.close()
        complete = {
            version.document_id: version
            for version, entry in zip(copied, live, strict=True)
            if version.chunks == entry.chunks
        }
        staging.write_versions(list(complete.values()))
        write_results(self.objects, work, "read", [self._result(entry, complete) for entry in entries.values()])
        return batches_for(work, packer.batches, targets, sum(version.chunks for version in copied))

    def _packed(self, packer: Packer, live: IndexTarget, entry: Registration) -> StagedVersion:
        """Pack the chunks in order, without readers and metadata: those are the registry's when they are indexed."""
        version = StagedVersion(entry.document_id, entry.turn, entry.live_version, entry.chunks, entry.content_hash)
        numbers: list[int] = []
        for ids in slices(version.chunk_ids(entry.tenant)):
            found = [item.chunk for item in self.index_of(live).fetch(entry.tenant, ids)]
            found.sort(key=lambda chunk: chunk.ordinal)
            numbers += [packer.add(replace(chunk, groups=(), metadata={})) for chunk in found]
        return msgspec.structs.replace(
            version, chunks=len(numbers), first=min(numbers, default=0), last=max(numbers, default=-1)
        )

    def _result(self, entry: Registration, complete: Container[str]) -> Result:
        if entry.document_id in complete:
            return Result(entry.document_id, "staged")
        now = self.registry.load(entry.tenant, [entry.document_id])[entry.document_id]
        if now.live_version != entry.live_version or not entry.live_version:
            return Result(entry.document_id, "superseded")
        return Result(entry.document_id, "failed", "The index lacks chunks of it: reindex the document first.")
