"""Finish state: sum up a run, and delete the records that vanished from their files."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Final

import msgspec

from rag.documents.naming import printable
from rag.index_pointer import IndexTarget
from rag.ingestion.changes import CopyItem, ObjectsItem, RecordsItem
from rag.ingestion.contracts import FinishRequest, RunSummary, Work, WorkRequest
from rag.ingestion.deciding import store_decided
from rag.ingestion.file_turns import end_turn
from rag.ingestion.items import Plan, PlannedFile
from rag.ingestion.keeping import give_readers
from rag.ingestion.planning import items_key, plan_key
from rag.ingestion.reaping import ReapVersions
from rag.ingestion.results import Outcome, Report, Result, Spent, Step, read_results
from rag.ingestion.staging import Claimed, Staging
from rag.ingestion.vanishing import delete_vanished
from rag.objects import RUNS, STAGING, DocumentKey
from rag.ports import ChunkIndex, EmbeddingCache, ObjectStore, Pointer, Registry
from rag.registration import Registration, failed

_FAILURES: Final = 20
_NOT_REACHED: Final = "The run ended before it was reached. Ingest it again."
_NOT_THROUGH: Final = "The run ended before it was through. Ingest it again."


@dataclass(slots=True)
class _Sums:
    """What the results of a run add up to."""

    outcomes: dict[Outcome, int] = field(default_factory=dict)
    chunks: int = 0
    spent: Spent = field(default_factory=Spent)
    failures: list[Result] = field(default_factory=list)
    read: set[int] = field(default_factory=set)  # numbers of the items that were read
    unreadable: set[int] = field(default_factory=set)  # numbers of those of which not everything could be
    refused: set[int] = field(default_factory=set)  # numbers of those with records whose id is another one's
    reported: set[int] = field(default_factory=set)
    failed_of: dict[int, int] = field(default_factory=dict)  # failures by number
    first_of: dict[int, str] = field(default_factory=dict)  # the first of them

    def add(self, number: int | None, result: Result) -> None:
        self.outcomes[result.status] = self.outcomes.get(result.status, 0) + 1
        self.chunks += result.chunks
        if result.status == "failed":
            if number is not None:
                self.failed_of[number] = self.failed_of.get(number, 0) + 1
                self.first_of.setdefault(number, printable(f"{result.document_id}: {result.told or result.reason}"))
            if len(self.failures) < _FAILURES:
                self.failures.append(result)


@dataclass(frozen=True, slots=True)
class FinishIngest:
    """Ends a run. Done again, it comes to the same."""

    objects: ObjectStore
    registry: Registry
    files: Registry
    pointer: Pointer
    index_of: Callable[[IndexTarget], ChunkIndex]
    cache: EmbeddingCache
    endpoint: str
    clock: Callable[[], str]

    def __call__(self, request: FinishRequest) -> RunSummary:
        """Return what became of the run's documents, and store it in the bucket.

        Raises:
            TransientError: worth another attempt.
        """
        plan = self._plan(request.run)
        sums = _Sums()
        unfinished: list[str] = []
        for number, reports in groupby(read_results(self.objects, request.run), key=lambda report: report[0]):
            unfinished += _summed(sums, number, [(step, report) for _, step, report in reports])
        self._fail(request.tenant, request.run, unfinished, _NOT_THROUGH)
        for result in self._not_reached(request.run, plan, sums):
            sums.add(None, result)
        for refusal in plan.refused:
            sums.add(None, Result(refusal.path, "failed", refusal.reason, source=refusal.path))
        for number, file in enumerate(plan.files):
            self._end_file(request, number, file, sums)
        summary = _summary(request.run, sums)
        self.objects.write(f"{RUNS}{request.run}/summary.json", msgspec.json.encode(summary))
        return summary

    def _plan(self, run: str) -> Plan:
        content = self.objects.read(plan_key(run))
        return Plan(0) if content is None else msgspec.json.decode(content.data, type=Plan)

    def _not_reached(self, run: str, plan: Plan, sums: _Sums) -> Iterator[Result]:
        """Yield the documents of items that nothing was ever reported of."""
        content = self.objects.read(items_key(run)) if plan.items > len(sums.reported) else None
        if content is None:
            return
        for raw in msgspec.json.decode(content.data, type=list[msgspec.Raw]):
            item = msgspec.json.decode(raw, type=dict)
            if item["number"] not in sums.reported:
                yield from (Result(name, "failed", _NOT_REACHED) for name in _named(item))

    def _fail(self, tenant: str, run: str, document_ids: list[str], reason: str) -> None:
        """Fail documents that a broken execution left behind as being indexed."""

        def decide(entry: Registration) -> Registration | None:
            mine = entry.status == "indexing" and entry.origin.startswith(f"{run}:")
            return failed(entry, entry.turn, reason, self.clock()) if mine else None

        if document_ids:
            store_decided(self.registry, self.registry.load(tenant, document_ids).values(), decide)

    def _end_file(self, request: FinishRequest, number: int, planned: PlannedFile, sums: _Sums) -> None:
        """End the turn of a file of records; those that it holds no more go, if all of it could be read."""
        file = self.files.load(request.tenant, [planned.path])[planned.path]
        if file.version != planned.generation or file.status == "deleted":
            return
        numbers = range(planned.first, planned.last + 1)
        complete = sums.read.issuperset(numbers) and sums.unreadable.isdisjoint(numbers)
        if complete:
            gone = list(delete_vanished(self.registry, file, self.clock))
            for entry in gone:
                sums.add(None, Result(entry.document_id, "deleted", source=planned.path))
            self._reap(request, number, gone)
        else:
            for _ in give_readers(self.registry, self.files, file, self.clock):
                pass  # readers are held to the registry; the doctor sees to the index
        count = sum(sums.failed_of.get(one, 0) for one in numbers)
        first = next((sums.first_of[one] for one in numbers if one in sums.first_of), "")
        refused = not sums.refused.isdisjoint(numbers)
        told = _told(count, first, complete=complete)
        end_turn(self.files, file, told, self.clock(), complete=complete, refused=refused)

    def _reap(self, request: FinishRequest, number: int, gone: list[Registration]) -> None:
        unreaped = [entry for entry in gone if entry.unreaped]
        if not unreaped:
            return
        work = Work(tenant=request.tenant, prefix=f"{STAGING}{request.tenant}/{request.run}-vanished-{number}")
        claims = [Claimed(entry.document_id, entry.turn, entry.version) for entry in unreaped]
        Staging(self.objects, work).write_claims(claims)
        reap = ReapVersions(self.objects, self.registry, self.pointer, self.index_of, self.cache, self.endpoint)
        reap(WorkRequest(work=work, trace_id=request.trace_id))


def _summed(sums: _Sums, number: int, reports: list[tuple[Step, Report]]) -> list[str]:
    """Add up what the steps of an item report, the last word on each document; return those without a last word."""
    last: dict[str, Result] = {}
    unfinished: list[str] = []
    sums.reported.add(number)
    for step, report in reports:
        sums.spent += report.spent
        if step == "read":
            sums.read.add(number)
        if report.unreadable:
            sums.unreadable.add(number)
        if report.refused:
            sums.refused.add(number)
        last.update((result.document_id, result) for result in report.documents)
    for result in last.values():
        if result.status == "staged":
            unfinished.append(result.document_id)
            sums.add(number, msgspec.structs.replace(result, status="failed", reason=_NOT_THROUGH))
        else:
            sums.add(number, result)
    return unfinished


def _named(item: dict[str, object]) -> Iterator[str]:
    objects, records, copied = item.get("objects"), item.get("records"), item.get("copy")
    if objects is not None:
        for listed in msgspec.convert(item, ObjectsItem).objects:
            key = DocumentKey.parse(listed.key)
            yield key.path if key else listed.key
    elif records is not None:
        part = msgspec.convert(item, RecordsItem).records
        key = DocumentKey.parse(part.key)
        yield f"{key.path if key else part.key} from byte {part.start}"
    elif copied is not None:
        yield from msgspec.convert(item, CopyItem).copy.documents


def _told(failures: int, first: str, *, complete: bool) -> str:
    told = [f"{failures:,} of its records failed; first: {first}"] if failures else []
    if not complete:
        told.append("Not all of its lines could be read. Records that it holds no more are kept until they can.")
    return " ".join(told)


def _summary(run: str, sums: _Sums) -> RunSummary:
    outcome = sums.outcomes.get
    return RunSummary(
        run=run,
        documents=sum(sums.outcomes.values()),
        ready=outcome("ready", 0),
        unchanged=outcome("unchanged", 0),
        failed=outcome("failed", 0),
        deleted=outcome("deleted", 0),
        superseded=outcome("superseded", 0),
        chunks=sums.chunks,
        embedded=sums.spent.embedded,
        reused=sums.spent.reused,
        tokens=sums.spent.tokens,
        cost_usd=sums.spent.cost_usd,
        failures=[{"document_id": one.document_id, "reason": one.reason} for one in sums.failures],
    )
