"""What is staged in the bucket while documents are on their way: its names, and its form on disk."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from rag import vectors
from rag.errors import InternalError
from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import Work
from rag.models import Chunk
from rag.ports import ObjectStore
from rag.vectors import Vector

_FLOAT_BYTES: Final = 4


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
    """A version that is to be published once all its chunks are in the index."""

    document_id: str
    turn: int
    version: str
    chunks: int
    content_hash: str


class Rejection(msgspec.Struct, frozen=True):
    """A document that could not be ingested, and why, in words that a person can act on."""

    document_id: str
    reason: str


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

    def write_attributes(self, batch: int, target: IndexTarget, digests: dict[str, str]) -> None:
        """Stage, per document id, the attributes with which a batch's chunks were indexed."""
        self._write(f"attributes-{batch:05}-{target.slug}.json", digests)

    def attributes(self, batch: int, target: IndexTarget) -> dict[str, str] | None:
        """Return them, or None where the batch was not indexed in this collection."""
        name = f"attributes-{batch:05}-{target.slug}.json"
        digests: dict[str, str] | None = self._read(name, dict[str, str], None)
        return digests

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
