"""Chunk state: cut the extracted documents, and note in the registry what is going to be written."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import Protocol

from rag.chunking import Piece
from rag.errors import UnreadableDocument
from rag.identity import chunk_id
from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import MAX_BATCHES, Batch, ChunkResponse, Work, WorkRequest
from rag.ingestion.deciding import store_decided
from rag.ingestion.packing import Packer
from rag.ingestion.staging import StagedDocument, StagedVersion, Staging
from rag.models import Chunk
from rag.ports import ObjectStore, Pointer, Registry
from rag.registration import Registration, registered


class CutsDocuments(Protocol):
    """What this state asks of a chunker."""

    def pieces(self, texts: Sequence[str], pages: Sequence[Sequence[int]]) -> list[list[Piece]]:
        """Return where to cut each text; `pages` are the offsets at which its pages begin."""
        ...


@dataclass(frozen=True)
class ChunkDocument:
    """Turns a work's documents into batches of chunks, a part of them at a time."""

    objects: ObjectStore
    registry: Registry
    pointer: Pointer
    chunker: CutsDocuments

    def __call__(self, request: WorkRequest) -> ChunkResponse:
        """Stage the batches and what they make up; a document whose turn is over is left out.

        Raises:
            UnreadableDocument: the work is too large.
            TransientError: worth another attempt.
        """
        work = request.work
        staging = Staging(self.objects, work)
        staging.clear_batches()
        packer = Packer(staging.write_chunks)
        versions: list[StagedVersion] = []
        for part in count():
            documents = staging.documents(part)
            if documents is None:
                break
            cuts = self.chunker.pieces([one.text for one in documents], [one.pages for one in documents])
            pieces = {one.document_id: cut for one, cut in zip(documents, cuts, strict=True)}
            registered_ones = self._registered(work.tenant, documents, pieces)
            versions += [_packed(packer, work.tenant, one, pieces[one.document_id]) for one in registered_ones]
        packer.close()
        staging.write_versions(versions)
        return batches_for(
            work, packer.batches, self.pointer.read().targets, sum(version.chunks for version in versions)
        )

    def _registered(
        self, tenant: str, documents: list[StagedDocument], pieces: dict[str, list[Piece]]
    ) -> Iterator[StagedDocument]:
        """Note each version's number of chunks before any is written, and yield those whose turn it still is."""
        turns = {document.document_id: document.turn for document in documents}

        def decide(entry: Registration) -> Registration | None:
            return registered(entry, turns[entry.document_id], len(pieces[entry.document_id]))

        stored = store_decided(self.registry, self.registry.load(tenant, list(turns)).values(), decide)
        return (document for document in documents if document.document_id in stored)


def batches_for(work: Work, batches: int, targets: Sequence[IndexTarget], chunks: int) -> ChunkResponse:
    """Return the response that sends each batch to each collection.

    Raises:
        UnreadableDocument: these are more than the state can refer to.
    """
    if batches * len(targets) > MAX_BATCHES:
        raise UnreadableDocument(
            f"Its text makes {chunks:,} chunks, more than can be ingested together: split the file."
        )
    todo = [Batch(batch=batch, target=target) for batch in range(batches) for target in targets]
    return ChunkResponse(work=work, batches=todo, chunks=chunks)


def _packed(packer: Packer, tenant: str, document: StagedDocument, pieces: list[Piece]) -> StagedVersion:
    numbers = [packer.add(chunk) for chunk in map(partial(_chunk, tenant, document), count(), pieces)]
    return StagedVersion(
        document_id=document.document_id,
        turn=document.turn,
        version=document.version,
        chunks=len(pieces),
        content_hash=document.content_hash,
        first=min(numbers, default=0),
        last=max(numbers, default=-1),
    )


def _chunk(tenant: str, document: StagedDocument, ordinal: int, piece: Piece) -> Chunk:
    """Return the chunk without readers and metadata: these are the registry's at the moment of indexing."""
    return Chunk(
        chunk_id=chunk_id(tenant, document.document_id, document.version, ordinal),
        document_id=document.document_id,
        version=document.version,
        ordinal=ordinal,
        title=document.title,
        source=document.source,
        text=document.text[piece.start : piece.end],
        tokens=piece.tokens,
        start=piece.start,
        end=piece.end,
        heading=piece.heading,
        page=piece.page,
    )
