"""The whole ingestion in memory: the shipped machine and use cases on fakes, of which a test can stop every write."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

from rag import vectors
from rag.chunking import Chunker
from rag.contract import Contract, to_state
from rag.documents.document import Extracted
from rag.identity import chunk_id
from rag.index_pointer import IndexTarget
from rag.ingestion import contracts
from rag.ingestion.chunking import ChunkDocument
from rag.ingestion.copying import CopyChunks
from rag.ingestion.embedding import EmbedChunks
from rag.ingestion.failing import FailDocument
from rag.ingestion.indexing import IndexChunks
from rag.ingestion.publishing import PublishVersion
from rag.ingestion.reading import ReadDocument
from rag.ingestion.reaping import ReapVersions
from rag.ingestion.regrouping import RegroupChunks
from rag.ingestion.settings import ReadingSettings
from rag.models import Embeddings, Principal, ScoredChunk
from rag.objects import SIDECAR_SUFFIX
from rag.registration import Registration
from tests.fakes.machine import Machine
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.memory_pointer import MemoryPointer
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.memory_store import MemoryStore

BUCKET, TENANT = "documents-bucket", "acme"
SIZE, OVERLAP = 32, 8
LIVE = IndexTarget(model="small", dimensions=8)
NEXT = IndexTarget(model="large", dimensions=16)

_INGEST = json.loads((Path(__file__).parents[2] / "statemachine" / "ingest.asl.json").read_text())


class FakeEmbedder:
    """Gives each text a vector of its own, and remembers what it was asked."""

    endpoint = "http://models"

    def __init__(self, target: IndexTarget) -> None:
        self.model, self.dimensions = target.model, target.dimensions
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> Embeddings:
        self.texts += texts
        seeds = [crc32(text.encode()) for text in texts]
        vector = [vectors.unit([(seed >> bit) % 7 + 1 for bit in range(self.dimensions)]) for seed in seeds]
        return Embeddings(vector, tokens=len(texts))


class Watched:
    """A fake, of which each write is announced before it happens and after it did."""

    def __init__(self, inner: Any, writes: Sequence[str], announce: Callable[[], None]) -> None:
        self._inner, self._writes, self._announce = inner, writes, announce

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        return self._announced(method) if name in self._writes else method

    def _announced(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def announced(*arguments: Any, **named: Any) -> Any:
            self._announce()
            result = method(*arguments, **named)
            self._announce()
            return result

        return announced


class IngestionStage:
    """A bucket, a registry, an index and a cache; `announce` is called before and after each write to them."""

    def __init__(self) -> None:
        self.announce: Callable[[], None] = lambda: None
        self.bucket = MemoryObjects()
        self.registry, self.files = MemoryRegistry(), MemoryRegistry()
        self.pointer = MemoryPointer(LIVE)
        self.cache = MemoryCache()
        self.indexes = {target.slug: MemoryStore(target.dimensions) for target in (LIVE, NEXT)}
        self.embedders = {target.slug: FakeEmbedder(target) for target in (LIVE, NEXT)}
        self._sequence = 0

    def run(self, change: dict[str, Any], name: str) -> None:
        """Run one execution of the ingestion machine to its end."""
        functions = {
            "ReadDocument": _function(self.read(), contracts.ReadRequest),
            "ChunkDocument": _function(self.chunk(), contracts.WorkRequest),
            "CopyChunks": _function(self.copy(), contracts.WorkRequest),
            "EmbedChunks": _function(self.embed(), contracts.BatchRequest),
            "IndexChunks": _function(self.index(), contracts.BatchRequest),
            "PublishVersion": _function(self.publish(), contracts.WorkRequest),
            "ReapVersions": _function(self.reap(), contracts.WorkRequest),
            "FailDocument": _function(self.fail(), contracts.FailRequest),
            "RegroupChunks": _function(self.regroup(), contracts.WorkRequest),
        }
        Machine(_INGEST, functions).run(change, name)

    def put(self, path: str, text: str) -> dict[str, Any]:
        """Put a document and return the event of it."""
        key = f"documents/{TENANT}/{path}"
        self.bucket.write(key, text.encode())
        return self._event("Object Created", key)

    def put_sidecar(self, path: str, *groups: str) -> dict[str, Any]:
        """Put a document's sidecar and return the event of it."""
        return self.put(path + SIDECAR_SUFFIX, json.dumps({"metadataAttributes": {"groups": groups}}))

    def delete(self, path: str) -> dict[str, Any]:
        """Delete a document and return the event of it."""
        key = f"documents/{TENANT}/{path}"
        self.bucket.delete([key])
        return self._event("Object Deleted", key)

    def seen_by(self, *groups: str) -> list[ScoredChunk]:
        """Return what a search shows that asks the registry about what it found."""
        principal = Principal(TENANT, groups)
        target = self.pointer.read().live
        [found] = self.indexes[target.slug].dense([vectors.unit([1.0] * target.dimensions)], principal, 1_000, None)
        live = self.registry.live(TENANT, [one.chunk.document_id for one in found])
        return [
            one
            for one in found
            if (version := live.get(one.chunk.document_id)) is not None
            and version.version == one.chunk.version
            and version.admits(principal.readers)
        ]

    def entry(self, path: str) -> Registration:
        """Return what the registry knows of a document."""
        return self.registry.load(TENANT, [path])[path]

    def wanted_ids(self, path: str) -> set[str]:
        """Return the ids that an index has to hold of a document, by the registry."""
        entry = self.entry(path)
        return {chunk_id(TENANT, path, entry.live_version, ordinal) for ordinal in range(entry.chunks)}

    def _event(self, kind: str, key: str) -> dict[str, Any]:
        self._sequence += 1
        info = self.bucket.info(key)
        found = {"version-id": info.version_id, "etag": info.etag} if info else {}
        stored = {"key": key, "sequencer": f"{self._sequence:06X}", **found}
        return {"detail-type": kind, "detail": {"bucket": {"name": BUCKET}, "object": stored}}

    def read(self) -> ReadDocument:
        return ReadDocument(
            objects=self._objects(),
            registry=self._entries(),
            files=self.files,
            pointer=self.pointer,
            extractor=_extracted,
            settings=ReadingSettings(BUCKET, SIZE, OVERLAP, 1_000_000, require_sidecar=False),
            clock=_noon,
        )

    def chunk(self) -> ChunkDocument:
        return ChunkDocument(*self._ports(), Chunker(SIZE, OVERLAP))

    def copy(self) -> CopyChunks:
        return CopyChunks(*self._ports(), self._index)

    def embed(self) -> EmbedChunks:
        return EmbedChunks(self._objects(), lambda target: self.embedders[target.slug], self._cache())

    def index(self) -> IndexChunks:
        return IndexChunks(self._objects(), self._entries(), self._index)

    def publish(self) -> PublishVersion:
        return PublishVersion(*self._ports(), self._index, _noon)

    def reap(self) -> ReapVersions:
        return ReapVersions(*self._ports(), self._index, self._cache(), FakeEmbedder.endpoint)

    def regroup(self) -> RegroupChunks:
        return RegroupChunks(*self._ports(), self._index)

    def fail(self) -> FailDocument:
        return FailDocument(self._objects(), self._entries(), self.files, self.pointer, self._index, _noon)

    def written(self, change: dict[str, Any], name: str) -> contracts.WorkRequest:
        """Run an execution as far as its chunks are in the index, and return what the publish state is asked then."""
        work = self.read()(contracts.ReadRequest(input=change, trace_id=name)).work
        chunked = self.chunk()(contracts.WorkRequest(work=work, trace_id=name))
        self.write_batches(work, chunked.batches)
        return contracts.WorkRequest(work=work, trace_id=name)

    def write_batches(self, work: contracts.Work, batches: Sequence[contracts.Batch]) -> None:
        """Embed and index batches."""
        for batch in batches:
            request = contracts.BatchRequest(work=work, batch=batch.batch, target=batch.target, trace_id="e")
            self.embed()(request)
            self.index()(request)

    def _cache(self) -> Any:
        return Watched(self.cache, ("put", "forget"), self._announce)

    def _ports(self) -> tuple[Any, Any, Any]:
        return self._objects(), self._entries(), self.pointer

    def _objects(self) -> Any:
        return Watched(self.bucket, ("write", "delete"), self._announce)

    def _entries(self) -> Any:
        return Watched(self.registry, ("store",), self._announce)

    def _index(self, target: IndexTarget) -> Any:
        return Watched(self.indexes[target.slug], ("upsert", "delete"), self._announce)

    def _announce(self) -> None:
        self.announce()


def _extracted(name: str, data: bytes) -> Extracted:
    return Extracted(name, data.decode(), "text")


def _function(use_case: Any, request: type[Contract]) -> Callable[[Any], Any]:
    return lambda event: to_state(use_case(request.parse(event)))


def _noon() -> str:
    return "2026-11-22T12:00:00Z"
