"""Fail state: the documents of a work that broke off are failed, with a reason, and keep the version that was live."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from rag.errors import InvalidRequest
from rag.index_pointer import IndexTarget
from rag.ingestion.changes import (
    ByHand,
    Change,
    CopyItem,
    Ignored,
    ObjectsItem,
    RecordsItem,
    Removed,
    Stored,
    document_key,
    is_record_file,
    parse_change,
    run_origin,
    work_of,
)
from rag.ingestion.contracts import DoneResponse, FailRequest, Work
from rag.ingestion.deciding import store_decided
from rag.ingestion.erasing import erase
from rag.ingestion.failures import reason_of
from rag.ingestion.results import Outcome, Result, write_results
from rag.ingestion.staging import Claimed, Staging
from rag.objects import STAGING
from rag.ports import ChunkIndex, ObjectStore, Pointer, Registry
from rag.registration import Origin, Registration, claim, failed, misdescribed

_TOGETHER: Final = 100
_SIDECAR_UNREAD: Final = "Its sidecar was not taken up, so who may read it is as it was before."


@dataclass(frozen=True, slots=True)
class FailDocument:
    """Marks documents as failed whose turn it still is; of the others, it deletes what the work had written."""

    objects: ObjectStore
    registry: Registry
    files: Registry
    pointer: Pointer
    index_of: Callable[[IndexTarget], ChunkIndex]
    clock: Callable[[], str]

    def __call__(self, request: FailRequest) -> DoneResponse:
        """Fail the documents of the work, or those that the input is about where reading them failed.

        Raises:
            TransientError: the registry, the bucket or the index could not be reached.
        """
        reason = reason_of(request.error, request.cause)
        if request.work is not None:
            return self._fail_work(request.work, reason, copying="copy" in request.input)
        change = _parsed(request.input)
        if change is None or isinstance(change, Ignored):
            nowhere = Work(tenant="none", prefix=f"{STAGING}none/{request.trace_id}")
            return DoneResponse(work=nowhere, documents=0)
        work = work_of(change, request.trace_id)
        results = list(self._fail_change(change, reason, request.trace_id))
        write_results(self.objects, work, "fail", results)
        return DoneResponse(work=work, documents=len(results))

    def _fail_work(self, work: Work, reason: str, *, copying: bool) -> DoneResponse:
        staging = Staging(self.objects, work)
        claims = staging.claims()
        results: list[Result] = []
        for first in range(0, len(claims), _TOGETHER):
            results += self._fail_claims(work.tenant, claims[first : first + _TOGETHER], reason, copying=copying)
        self._erase_outdated(staging)
        write_results(self.objects, work, "fail", results)
        return DoneResponse(work=work, documents=len(results))

    def _fail_claims(self, tenant: str, claims: Sequence[Claimed], reason: str, *, copying: bool) -> Iterator[Result]:
        by_id = {claimed.document_id: claimed for claimed in claims}

        def decide(entry: Registration) -> Registration:
            claimed = by_id[entry.document_id]
            if claimed.version != entry.version:  # it was not about to write this version
                return entry
            return failed(entry, claimed.turn, reason, self.clock()) or entry

        entries = self.registry.load(tenant, list(by_id)).values()
        stored = store_decided(self.registry, entries, decide)
        for name, claimed in by_id.items():
            entry = stored[name]
            if entry.turn != claimed.turn:
                yield Result(name, "superseded", source=entry.source)
            elif entry.status == "failed" or copying or _is_behind(entry, claimed):
                yield Result(name, "failed", reason, source=entry.source)

    def _erase_outdated(self, staging: Staging) -> None:
        """Delete the chunks of versions that nobody needs: whoever came after may have looked before they arrived."""
        tenant, versions = staging.work.tenant, staging.versions()
        entries = self.registry.load(tenant, [version.document_id for version in versions]) if versions else {}
        outdated = [version for version in versions if version.version not in entries[version.document_id].needed]
        chunk_ids = [chunk_id for version in outdated for chunk_id in version.chunk_ids(tenant)]
        for target in self.pointer.read().targets if chunk_ids else ():
            erase(self.index_of(target), tenant, chunk_ids)

    def _fail_change(self, change: Change, reason: str, trace_id: str) -> Iterator[Result]:
        match change:
            case Stored() | Removed():
                yield from self._fail_event(change, reason)
            case ByHand():
                yield from self._fail_mine(change.tenant, change.document_id, change.origin(trace_id).name, reason)
            case ObjectsItem():
                for listed in change.objects:
                    yield self._fail_file(change.tenant, listed.key, run_origin(change.run, listed.key), reason)
            case RecordsItem():
                key = document_key(change.records.key)
                if key is not None:
                    origin = run_origin(change.run, change.records.key)
                    self._fail_records(change.tenant, key.path, f"{origin.name}#{change.records.start}#", reason)
                    yield Result(f"{key.path} from byte {change.records.start}", "failed", reason, source=key.path)
            case CopyItem():
                for document_id in change.copy.documents:
                    yield Result(document_id, "failed", reason)

    def _fail_event(self, event: Stored | Removed, reason: str) -> Iterator[Result]:
        if not event.key.is_sidecar:
            of_records = is_record_file(event.key.path)
            yield self._fail_file(event.key.tenant, event.key.key, event.origin, reason, of_records=of_records)
            if of_records:
                self._fail_records(event.key.tenant, event.key.path, f"{event.origin.name}#", reason)
        elif isinstance(event, Stored):
            yield self._fail_sidecar(event, reason)
        else:  # that a sidecar is gone fails nothing, but its document may have been read again
            yield from self._fail_mine(event.key.tenant, event.key.document_path, event.origin.name, reason)

    def _fail_file(self, tenant: str, key: str, origin: Origin, reason: str, *, of_records: bool = False) -> Result:
        """Fail the change of one object, also if it never got as far as taking its turn."""
        parsed = document_key(key)
        path = parsed.path if parsed else key
        if parsed is None or parsed.tenant != tenant:  # an entry would lead whoever ingests it again to that object
            return Result(path, "failed", reason, source=path)
        registry = self.files if of_records else self.registry
        outcome: Outcome = "superseded"

        def decide(entry: Registration) -> Registration:
            nonlocal outcome
            known = replace(entry, hidden=entry.hidden or entry.is_new)  # until it is read
            claimed = claim(known, origin, path, key, self.clock())
            outcome = "failed" if claimed.granted else _settled(entry) if claimed.verdict == "done" else "superseded"
            return self._failed(claimed.entry, reason) if claimed.granted else entry

        store_decided(registry, registry.load(tenant, [path]).values(), decide)
        return Result(path, outcome, reason if outcome == "failed" else "", source=path)

    def _fail_sidecar(self, change: Stored, reason: str) -> Result:
        """Fail the document whose sidecar could not be read: it may say that fewer are to read it than do."""
        tenant, path, told = change.key.tenant, change.key.document_path, f"{_SIDECAR_UNREAD} {reason}"
        registry = self.files if is_record_file(path) else self.registry
        entries = registry.load(tenant, [path]).values()
        stored = store_decided(registry, entries, lambda entry: misdescribed(entry, change.origin, told, self.clock()))
        return Result(path, "failed" if stored else "superseded", told if stored else "", source=path)

    def _failed(self, entry: Registration, reason: str) -> Registration:
        return failed(entry, entry.turn, reason, self.clock()) or entry

    def _fail_mine(self, tenant: str, document_id: str, origin: str, reason: str) -> Iterator[Result]:
        """Fail a document that a change had taken the turn of; one that nobody knows is not brought into being."""
        for registry in (self.registry, self.files):
            entries = registry.load(tenant, [document_id]).values()
            mine = [entry for entry in entries if entry.revision and entry.origin == origin]
            for entry in store_decided(registry, mine, lambda entry: self._failed(entry, reason)).values():
                yield Result(entry.document_id, "failed", reason, source=entry.source)
        self._fail_records(tenant, document_id, f"{origin}#", reason)

    def _fail_records(self, tenant: str, path: str, origins: str, reason: str) -> None:
        """Fail the records of a file that had their turn, but were not staged completely."""

        def decide(entry: Registration) -> Registration | None:
            mine = entry.status == "indexing" and entry.origin.startswith(origins)
            return self._failed(entry, reason) if mine else None

        listed = iter(self.registry.documents(tenant, source=path))
        while some := [entry.document_id for entry in islice(listed, _TOGETHER)]:
            store_decided(self.registry, self.registry.load(tenant, some).values(), decide)


def _parsed(value: dict[str, Any]) -> Change | None:
    try:
        return parse_change(value)
    except InvalidRequest:
        return None


def _is_behind(entry: Registration, claimed: Claimed) -> bool:
    """Tell whether the index has not followed what a sidecar said. What is published and not reaped counts as ready."""
    return entry.live_version == claimed.version and entry.attributes != entry.indexed_attributes


def _settled(entry: Registration) -> Outcome:
    return "deleted" if entry.status == "deleted" else "unchanged"
