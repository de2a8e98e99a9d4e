"""What is staged in the bucket while documents are on their way: its names, and its form on disk."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from rag import vectors
from rag.errors import InternalError
from rag.identity import chunk_id
from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import EmbedChunksResponse, Work
from rag.models import Chunk
from rag.ports import ObjectStore
from rag.vectors import Vector

_FLOAT_BYTES: Final = 4
_BATCH_DIGITS: Final = 5
_BEHIND_DOCUMENTS: Final = ("attributes-", "chunks-", "embedded-", "vectors-", "versions.json")


class Claimed(msgspec.Struct, frozen=True):
    """A document that a work has the turn for."""

    document_id: str
    turn: int
    version: str


class StagedDocument(msgspec.Struct, frozen=True):
    """A document's extracted text. `pages` are the offsets at which its pages begin, none where it has no pages."""

    document_id: str
    turn: int
    version: str
    title: str
    source: str
    text: str
    content_hash: str
    format: str
    pages: list[int] = []
    stripped: int = 0


class StagedVersion(msgspec.Struct, frozen=True):
    """A version whose chunks this work writes: to publish it, or to have it in one more collection.

    Its chunks are in the batches from `first` to `last`; a version without chunks is in none.
    """

    document_id: str
    turn: int
    version: str
    chunks: int
    content_hash: str = ""
    first: int = 0
    last: int = -1

    @property
    def batches(self) -> range:
        """The numbers of the batches that hold its chunks."""
        return range(self.first, self.last + 1)

    def chunk_ids(self, tenant: str) -> list[str]:
        """Return the ids of its chunks, in order."""
        return [chunk_id(tenant, self.document_id, self.version, ordinal) for ordinal in range(self.chunks)]


@dataclass(frozen=True, slots=True)
class Staging:
    """One work's place in the bucket. Everything here can be written again: the same work writes the same."""

    objects: ObjectStore
    work: Work

    def write_claims(self, claims: Sequence[Claimed]) -> None:
        """Stage which documents the work is about."""
        self._write("claims.json", claims)

    def claims(self) -> list[Claimed]:
        """Return them; none where the work never got so far."""
        claims: list[Claimed] = self._read("claims.json", list[Claimed], [])
        return claims

    def write_documents(self, part: int, documents: Sequence[StagedDocument]) -> None:
        """Stage a part of the extracted documents."""
        self._write(f"documents-{part:05}.json", documents)

    def documents(self, part: int) -> list[StagedDocument] | None:
        """Return a part of the documents, or None behind the last one."""
        documents: list[StagedDocument] | None = self._read(f"documents-{part:05}.json", list[StagedDocument], None)
        return documents

    def write_versions(self, versions: Sequence[StagedVersion]) -> None:
        """Stage what is to be published."""
        self._write("versions.json", versions)

    def versions(self) -> list[StagedVersion]:
        """Return it; nothing where the work never got so far."""
        versions: list[StagedVersion] = self._read("versions.json", list[StagedVersion], [])
        return versions

    def write_chunks(self, batch: int, chunks: Sequence[Chunk]) -> None:
        """Stage a batch of chunks."""
        self._write(f"chunks-{batch:05}.json", chunks)

    def chunks(self, batch: int) -> list[Chunk]:
        """Return a batch of chunks.

        Raises:
            InternalError: it was never staged, or is gone.
        """
        chunks: list[Chunk] | None = self._read(f"chunks-{batch:05}.json", list[Chunk], None)
        if chunks is None:
            raise InternalError("What was staged for this work is gone: ingest the document again.")
        return chunks

    def write_vectors(self, batch: int, target: IndexTarget, batch_vectors: "Sequence[Vector[float]]") -> None:
        """Stage the vectors of a batch, in the order of its chunks."""
        content = b"".join(vectors.to_bytes(vector) for vector in batch_vectors)
        self.objects.write(self._key(f"vectors-{batch:05}-{target.slug}.f32"), content)

    def vectors(self, batch: int, target: IndexTarget) -> "list[Vector[float]]":
        """Return the vectors of a batch, each of shape (dimensions,).

        Raises:
            InternalError: they were never staged, or are gone.
        """
        content = self.objects.read(self._key(f"vectors-{batch:05}-{target.slug}.f32"))
        if content is None:
            raise InternalError("What was staged for this work is gone: ingest the document again.")
        size = target.dimensions * _FLOAT_BYTES
        return [vectors.from_bytes(content.data[at : at + size]) for at in range(0, len(content.data), size)]

    def write_embedded(self, batch: int, target: IndexTarget, embedded: EmbedChunksResponse) -> None:
        """Stage what the vectors of a batch took, as the last word on them."""
        self._write(f"embedded-{batch:05}-{target.slug}.json", embedded)

    def embedded(self, batch: int, target: IndexTarget) -> EmbedChunksResponse | None:
        """Return it, or None where the vectors are not all staged."""
        name = f"embedded-{batch:05}-{target.slug}.json"
        embedded: EmbedChunksResponse | None = self._read(name, EmbedChunksResponse, None)
        return embedded

    def write_attributes(self, batch: int, target: IndexTarget, digests: dict[str, str]) -> None:
        """Stage, per document id, the attributes with which a batch's chunks were indexed."""
        self._write(f"attributes-{batch:05}-{target.slug}.json", digests)

    def attributes(self, batch: int, target: IndexTarget) -> dict[str, str] | None:
        """Return them, or None where the batch was not indexed in this collection."""
        name = f"attributes-{batch:05}-{target.slug}.json"
        digests: dict[str, str] | None = self._read(name, dict[str, str], None)
        return digests

    def batches(self) -> Iterator[int]:
        """Yield the numbers of the batches that are staged."""
        for info in self.objects.list(self._key("chunks-")):
            yield int(info.key.removesuffix(".json")[-_BATCH_DIGITS:])

    def clear_batches(self) -> None:
        """Delete what an earlier attempt at this work staged behind its documents: it may have been cut otherwise."""
        outdated = [info.key for name in _BEHIND_DOCUMENTS for info in self.objects.list(self._key(name))]
        if outdated:
            self.objects.delete(outdated)

    def clear(self) -> None:
        """Delete everything that is staged for the work."""
        keys = [info.key for info in self.objects.list(self.work.prefix + "/")]
        if keys:
            self.objects.delete(keys)

    def _key(self, name: str) -> str:
        return f"{self.work.prefix}/{name}"

    def _write(self, name: str, value: object) -> None:
        self.objects.write(self._key(name), msgspec.json.encode(value))

    def _read(self, name: str, kind: Any, absent: Any) -> Any:
        content = self.objects.read(self._key(name))
        return absent if content is None else msgspec.json.decode(content.data, type=kind)
