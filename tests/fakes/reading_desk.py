"""The two ends of ingestion on fakes, with the middle states made short: each document is one chunk of no vector."""

import json
from collections.abc import Callable
from typing import Any

from rag.documents.document import Extracted
from rag.errors import UnreadableDocument
from rag.identity import chunk_id
from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import (
    DoneResponse,
    FailRequest,
    FinishRequest,
    PlanRequest,
    PlanResponse,
    ReadRequest,
    ReadResponse,
    RunSummary,
    Work,
    WorkRequest,
)
from rag.ingestion.deciding import store_decided
from rag.ingestion.failing import FailDocument
from rag.ingestion.finishing import FinishIngest
from rag.ingestion.planning import PlanIngest
from rag.ingestion.reading import ReadDocument
from rag.ingestion.reaping import ReapVersions
from rag.ingestion.regrouping import RegroupChunks
from rag.ingestion.results import Result, write_results
from rag.ingestion.settings import ReadingSettings
from rag.ingestion.staging import StagedDocument, StagedVersion, Staging
from rag.models import Chunk, IndexedChunk, Principal
from rag.objects import SIDECAR_SUFFIX, ObjectContent
from rag.registration import Registration, published, registered
from rag.vectors import unit
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.memory_pointer import MemoryPointer
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.memory_store import MemoryStore

TENANT = "acme"
BUCKET = "documents-bucket"
TARGET = IndexTarget(model="small", dimensions=2)
MAX_BYTES = 1_000
ENDPOINT = "http://models"

_VECTOR = unit([1.0, 1.0])


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """A fake that announces each write before it happens and after it did."""

    def __init__(self, inner: Any, announce: Callable[[], None]) -> None:
        self._inner, self._announce = inner, announce

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._inner, name)
        if name not in ("store", "write", "delete", "upsert"):
            return method

        def counted(*arguments: Any, **named: Any) -> Any:
            self._announce()
            result = method(*arguments, **named)
            self._announce()
            return result

        return counted


class ReadingDesk:
    """A bucket, registries and an index; `die_after` announcements of writes, whatever runs is killed.

    Where there is something to do `meanwhile`, it lives, and waits for that.
    """

    def __init__(self, *, require_sidecar: bool = False) -> None:
        self.die_after = 0
        self.meanwhile: Callable[[], object] | None = None
        self.watch: Callable[[], object] = lambda: None
        self.bucket, self.pointer = MemoryObjects(), MemoryPointer(TARGET)
        self.index, self.cache = MemoryStore(TARGET.dimensions), MemoryCache()
        self.documents, self.records = MemoryRegistry(), MemoryRegistry()
        self.objects: Any = Mortal(self.bucket, self._written)
        self.registry: Any = Mortal(self.documents, self._written)
        self.files: Any = Mortal(self.records, self._written)
        self.fetched: list[str] = []
        self._settings = ReadingSettings(BUCKET, 32, 8, MAX_BYTES, require_sidecar)
        self._sequence = 0

    def put(self, path: str, content: str | bytes, area: str = "documents/") -> dict[str, Any]:
        """Put an object and return its event."""
        key = f"{area}{TENANT}/{path}"
        self.bucket.write(key, content if isinstance(content, bytes) else content.encode())
        return self.event("Object Created", key)

    def put_sidecar(self, path: str, area: str = "documents/", **attributes: Any) -> dict[str, Any]:
        """Put a document's sidecar and return its event."""
        return self.put(path + SIDECAR_SUFFIX, json.dumps({"metadataAttributes": attributes}), area)

    def remove(self, path: str) -> dict[str, Any]:
        """Delete an object and return its event."""
        key = f"documents/{TENANT}/{path}"
        self.bucket.delete([key])
        return self.event("Object Deleted", key)

    def delete_for_good(self, path: str, *, leaving: ObjectContent) -> dict[str, Any]:
        """Delete all versions of an object that are newer than one, and return the event."""
        self.bucket.put_back(leaving)
        event = self.event("Object Deleted", f"documents/{TENANT}/{path}")
        event["detail"]["deletion-type"] = "Permanently Deleted"
        return event

    def current(self, path: str) -> ObjectContent:
        """Return an object as it is now."""
        content = self.bucket.read(f"documents/{TENANT}/{path}")
        assert content is not None
        return content

    def event(self, kind: str, key: str) -> dict[str, Any]:
        """Return an event of a key as it is now, the newest so far."""
        self._sequence += 1
        info = self.bucket.info(key)
        told: dict[str, Any] = {"key": key, "sequencer": f"{self._sequence:X}"}
        if info is not None:
            told |= {"version-id": info.version_id, "etag": info.etag, "size": info.size}
        return {"version": "0", "detail-type": kind, "detail": {"bucket": {"name": BUCKET}, "object": told}}

    def read(self, change: dict[str, Any], trace_id: str = "execution") -> ReadResponse:
        """Run the read state alone."""
        extractor, clock = self._extracted, noon
        read = ReadDocument(self.objects, self.registry, self.files, self.pointer, extractor, self._settings, clock)
        return read(ReadRequest(input=change, trace_id=trace_id))

    def ingest(self, change: dict[str, Any], trace_id: str = "execution") -> ReadResponse:
        """Run the read state and what follows."""
        response = self.read(change, trace_id)
        if response.next == "chunk":
            self._publish(response.work)
        if response.next in ("chunk", "reap"):
            self._reap(response.work)
        if response.next == "regroup":
            regroup = RegroupChunks(self.objects, self.registry, self.pointer, lambda _: self.index)
            regroup(WorkRequest(work=response.work, trace_id=trace_id))
        return response

    def ingest_killed(self, change: dict[str, Any], after: int, retry: str) -> bool:
        """Ingest, kill it after so many writes, and do it again under a name; tell whether it was killed."""
        self.die_after = after
        try:
            self.ingest(change, "first")
        except Killed:
            self.ingest(change, retry)
            return True
        self.die_after = 0
        return False

    def ingest_while(
        self,
        change: dict[str, Any],
        after: int,
        meanwhile: Callable[[], dict[str, Any]],
        watch: Callable[[], object] = lambda: None,
    ) -> dict[str, Any] | None:
        """Ingest a change, and after so many announcements all of another one; return that, or None.

        Each announcement that follows calls `watch`.
        """
        came: list[dict[str, Any]] = []

        def come() -> None:
            came.append(meanwhile())
            self.ingest(came[0], "meanwhile")
            self.watch = watch

        self.die_after, self.meanwhile = after, come
        self.ingest(change)
        self.die_after, self.meanwhile, self.watch = 0, None, lambda: None
        return came[0] if came else None

    def fail(
        self, change: dict[str, Any], error: str, cause: str = "", work: Work | None = None, trace_id: str = "execution"
    ) -> DoneResponse:
        """Run the fail state."""
        fail = FailDocument(self.objects, self.registry, self.files, self.pointer, lambda _: self.index, noon)
        return fail(FailRequest(input=change, work=work, error=error, cause=cause, trace_id=trace_id))

    def plan(self, run: dict[str, Any]) -> PlanResponse:
        """Run the plan state."""
        plan = PlanIngest(self.objects, self.registry, self.files, BUCKET, noon)
        return plan(PlanRequest(input=run, trace_id="run"))

    def items(self, planned: PlanResponse) -> list[dict[str, Any]]:
        """Return the items of a run."""
        content = self.bucket.read(planned.items_key)
        assert content is not None
        items: list[dict[str, Any]] = json.loads(content.data)
        return items

    def finish(self, run: str) -> RunSummary:
        """Run the finish state."""
        finish = FinishIngest(
            self.objects, self.registry, self.files, self.pointer, lambda _: self.index, self.cache, ENDPOINT, noon
        )
        return finish(FinishRequest(run=run, tenant=TENANT, trace_id=run))

    def bulk(self, run: dict[str, Any]) -> RunSummary:
        """Run a bulk run from its beginning to its end."""
        planned = self.plan(run)
        for item in self.items(planned):
            self.ingest(item, f"{planned.run}-{item['number']}")
        return self.finish(planned.run)

    def entry(self, document_id: str) -> Registration:
        """Return a document's entry."""
        return self.documents.load(TENANT, [document_id])[document_id]

    def file(self, path: str) -> Registration:
        """Return the entry of a file of records."""
        return self.records.load(TENANT, [path])[path]

    def visible(self, *groups: str) -> dict[str, str]:
        """Return the text of each document that readers in these groups find."""
        [found] = self.index.dense([_VECTOR], Principal(TENANT, groups), 1_000, None)
        live = self.documents.live(TENANT, [one.chunk.document_id for one in found])
        readers = Principal(TENANT, groups).readers
        return {
            one.chunk.document_id: one.chunk.text
            for one in found
            if (version := live.get(one.chunk.document_id)) is not None
            and version.version == one.chunk.version
            and version.admits(readers)
        }

    def state(self) -> dict[str, Any]:
        """Return what an ingestion leaves behind, without what counts its attempts."""
        entries = {
            entry.document_id: (entry.status, entry.error, entry.groups, dict(entry.metadata), entry.chunks)
            for entry in self.documents.documents(TENANT)
        }
        files = {entry.document_id: (entry.status, entry.error) for entry in self.records.documents(TENANT)}
        indexed = sorted((item.chunk.document_id, item.chunk.text) for item in self._indexed())
        return {"entries": entries, "files": files, "indexed": indexed}

    def _indexed(self) -> list[IndexedChunk]:
        return list(self.index.fetch(TENANT, list(self.index.ids(TENANT))))

    def write_staged(self, work: Work) -> list[StagedDocument]:
        """Write the chunks of a work's documents, and publish nothing."""
        staging = Staging(self.objects, work)
        staged = [document for part in range(100) for document in staging.documents(part) or ()]
        by_id = {document.document_id: document for document in staged}
        staging.write_versions([StagedVersion(one.document_id, one.turn, one.version, 1) for one in staged])
        store_decided(
            self.registry,
            self.documents.load(TENANT, list(by_id)).values(),
            lambda entry: registered(entry, by_id[entry.document_id].turn, 1),
        )
        entries = self.documents.load(TENANT, list(by_id))
        Mortal(self.index, self._written).upsert(TENANT, [_indexed(entries[one.document_id], one) for one in staged])
        return staged

    def _publish(self, work: Work) -> None:
        by_id = {document.document_id: document for document in self.write_staged(work)}
        ready = store_decided(
            self.registry,
            self.documents.load(TENANT, list(by_id)).values(),
            lambda entry: _published(entry, by_id[entry.document_id]),
        )
        write_results(
            self.objects,
            work,
            "publish",
            [Result(name, "ready", chunks=1) for name in ready],
        )

    def _reap(self, work: Work) -> None:
        reap = ReapVersions(self.objects, self.registry, self.pointer, lambda _: self.index, self.cache, ENDPOINT)
        reap(WorkRequest(work=work, trace_id="reap"))

    def _extracted(self, name: str, data: bytes) -> Extracted:
        self.fetched.append(name)
        if not data.strip():
            raise UnreadableDocument("It is empty.")
        return Extracted(name, data.decode(), "text")

    def _written(self) -> None:
        self.watch()
        if self.die_after:
            self.die_after -= 1
            if not self.die_after:
                if self.meanwhile is None:
                    raise Killed
                self.meanwhile()


def lines(*records: str, **texts: str) -> str:
    """Return a JSONL file of these lines and of records with these ids and texts."""
    return "".join(line + "\n" for line in (*records, *(json.dumps({"_id": k, "text": v}) for k, v in texts.items())))


def noon() -> str:
    """Tell the time."""
    return "2026-11-22T12:00:00Z"


def _indexed(entry: Registration, staged: StagedDocument) -> IndexedChunk:
    groups = () if entry.readers == ("*",) else entry.readers
    key = chunk_id(TENANT, staged.document_id, staged.version, 0)
    return IndexedChunk(
        Chunk(
            key, staged.document_id, staged.version, 0, staged.title, staged.source, staged.text, 1, 0, 1,
            groups=groups, metadata=entry.metadata,
        ),
        _VECTOR,
    )  # fmt: skip


def _published(entry: Registration, staged: StagedDocument) -> Registration | None:
    return published(entry, staged.turn, staged.content_hash, entry.attributes, noon())
