"""IndexChunks state: write a batch of chunks into a collection, described as its document is now."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import BatchRequest, IndexChunksResponse
from rag.ingestion.staging import Staging
from rag.models import EVERYONE, Chunk, IndexedChunk
from rag.ports import ChunkIndex, ObjectStore, Registry
from rag.registration import Registration


@dataclass(frozen=True)
class IndexChunks:
    """Writes what is still needed, and stages with which attributes it was written."""

    objects: ObjectStore
    registry: Registry
    index_of: Callable[[IndexTarget], ChunkIndex]

    def __call__(self, request: BatchRequest) -> IndexChunksResponse:
        """Write the batch without the chunks of versions that nobody needs any more.

        Raises:
            TransientError, PermanentError: as the registry and the index do.
            InternalError: the batch is staged no longer.
        """
        tenant, batch, target = request.work.tenant, request.batch, request.target
        staging = Staging(self.objects, request.work)
        chunks = staging.chunks(batch)
        vectors = staging.vectors(batch, target)
        entries = self.registry.load(tenant, list({chunk.document_id for chunk in chunks}))
        needed = [
            IndexedChunk(described_chunk(chunk, entries[chunk.document_id]), vector)
            for chunk, vector in zip(chunks, vectors, strict=True)
            if chunk.version in entries[chunk.document_id].needed
        ]
        if needed:
            self.index_of(target).upsert(tenant, needed)
        written = {item.chunk.document_id for item in needed}
        staging.write_attributes(batch, target, {name: entries[name].attributes for name in written})
        return IndexChunksResponse(chunks=len(needed))


def described_chunk(chunk: Chunk, entry: Registration) -> Chunk:
    """Return the chunk with the readers and the metadata that its document has at present."""
    groups = () if entry.readers == (EVERYONE,) else entry.readers
    return replace(chunk, groups=groups, metadata=entry.metadata)
