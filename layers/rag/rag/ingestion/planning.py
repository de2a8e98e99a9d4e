"""Plan state: pack the documents of a run into items, and list these in the bucket.

A run is started with `{"run", "tenant", "manifest": key}`, whose lines are `{"key", "size", "etag"}`, with
`{"run", "tenant", "prefix"}`, or with `{"run", "tenant"?, "reindex": {"model", "dimensions", "host"}}`, which copies
what is live into another collection, of all tenants where none is named.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from rag.clock import now
from rag.contract import Contract, Tenant
from rag.errors import InvalidRequest
from rag.index_pointer import IndexTarget
from rag.ingestion.blocks import ReplacedMeanwhile, line_blocks
from rag.ingestion.changes import ListedObject, RecordRange, document_key, is_record_file, run_origin
from rag.ingestion.claiming import GONE, ClaimFile, FileChange
from rag.ingestion.contracts import PlanRequest, PlanResponse, RunName
from rag.ingestion.items import MAX_COPIED_CHUNKS, MAX_COPIES, ItemList, Plan, PlannedFile, PlannedRefusal
from rag.ingestion.ranges import line_ranges
from rag.objects import RUNS, SIDECAR_SUFFIX, DocumentKey, ObjectInfo
from rag.ports import ObjectStore, Registry
from rag.registration import Registration

_MALFORMED: Final = "The input must name a run and a tenant, and either a manifest, a prefix or a reindex."
_DEFAULT_TENANT: Final = "default"


class _Run(Contract, frozen=True, kw_only=True):
    run: RunName
    tenant: Tenant | None = None
    manifest: str | None = None
    prefix: str | None = None
    reindex: IndexTarget | None = None


class _Line(msgspec.Struct):
    key: str
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class PlanIngest:
    """Lists a run's items. Planned again, a run has the same, as long as its objects are the same."""

    objects: ObjectStore
    registry: Registry
    files: Registry
    bucket: str
    clock: Callable[[], str] = now

    def __call__(self, request: PlanRequest) -> PlanResponse:
        """Write the items, and return where they are.

        Raises:
            InvalidRequest: the input is none that may start a run, or its manifest is missing or malformed.
            TransientError: worth another attempt.
        """
        run = _parsed(request.input)
        tenant = run.tenant or _DEFAULT_TENANT
        items = ItemList(run.run, tenant)
        plan = Plan(0)
        if run.reindex is not None:
            self._plan_copies(run, items)
        else:
            plan = self._plan_objects(run, tenant, items)
        content = items.json()
        plan = msgspec.structs.replace(plan, items=items.count)
        self.objects.write(plan_key(run.run), msgspec.json.encode(plan))
        self.objects.write(items_key(run.run), content)
        return PlanResponse(
            run=run.run, tenant=tenant, bucket=self.bucket, items_key=items_key(run.run), items=items.count
        )

    def _plan_objects(self, run: _Run, tenant: str, items: ItemList) -> Plan:
        sidecars = {info.key for info, key in self._listed(run, tenant) if key.is_sidecar}
        planned: list[PlannedFile] = []
        refused: list[PlannedRefusal] = []
        for info, key in self._listed(run, tenant):
            if key.is_sidecar:
                continue
            sidecar = info.key + SIDECAR_SUFFIX in sidecars
            if not is_record_file(key.path):
                items.add_object(ListedObject(key=info.key, size=info.size, etag=info.etag, sidecar=sidecar))
                continue
            outcome = self._plan_records(run.run, key, sidecar, items)
            planned += [outcome] if isinstance(outcome, PlannedFile) else []
            refused += [outcome] if isinstance(outcome, PlannedRefusal) else []
        return Plan(0, planned, refused)

    def _plan_records(
        self,
        run: str,
        key: DocumentKey,
        sidecar: bool,
        items: ItemList,
    ) -> PlannedFile | PlannedRefusal | None:
        """Claim a file of records as it is now, and cut it; None where somebody else has its turn by now."""
        info = self.objects.info(key.key)
        if info is None:
            return PlannedRefusal(key.path, GONE)
        version = info.version_id or info.etag
        change = FileChange(key.path, key.key, run_origin(run, key.key), info.size, version, sidecar=sidecar)
        # Required or not, a sidecar is waited for here: what reads the records knows whether that matters.
        claimed = ClaimFile(self.files, self.objects, True, None, self.clock)(key.tenant, change)
        file = claimed.entry
        if claimed.verdict == "superseded":
            return None
        if file.status == "failed":
            return PlannedRefusal(key.path, file.error)
        try:
            cuts = list(line_ranges(self.objects, info))
        except ReplacedMeanwhile:
            return PlannedRefusal(key.path, "The file was replaced while it was planned. Ingest it again.")
        ranges = [
            RecordRange(key=key.key, etag=info.etag, start=start, end=end, generation=file.version)
            for start, end in cuts
        ]
        return items.add_ranges(key.path, ranges, file.version)

    def _plan_copies(self, run: _Run, items: ItemList) -> None:
        for tenant in [run.tenant] if run.tenant else self.registry.tenants():
            live = (entry for entry in self.registry.documents(tenant) if entry.live_version)
            items.add_copies(tenant, _together(live))

    def _listed(self, run: _Run, tenant: str) -> Iterator[tuple[ObjectInfo, DocumentKey]]:
        infos = self._manifest(run.manifest) if run.manifest is not None else self.objects.list(_prefix(run, tenant))
        for info in infos:
            key = document_key(info.key)
            if key is None:
                continue
            if key.tenant != tenant:
                raise InvalidRequest("Every object of a run must lie below documents/ or bulk/ and the run's tenant.")
            yield info, key

    def _manifest(self, key: str) -> Iterable[ObjectInfo]:
        info = self.objects.info(key) if key.startswith(RUNS) else None
        if info is None:
            raise InvalidRequest("The manifest of the run is missing: it is an object below runs/.")
        try:
            for block in line_blocks(self.objects, key, info.etag, 0, info.size):
                for line in msgspec.json.Decoder(_Line).decode_lines(block.data):
                    yield ObjectInfo(line.key, line.size, line.etag)
        except (msgspec.MsgspecError, ReplacedMeanwhile, UnicodeDecodeError):
            raise InvalidRequest("The manifest of the run is malformed, or was replaced meanwhile.") from None


def items_key(run: str) -> str:
    """Return where the items of a run are listed."""
    return f"{RUNS}{run}/items.json"


def plan_key(run: str) -> str:
    """Return where it is kept what the end of a run has to know of its beginning."""
    return f"{RUNS}{run}/plan.json"


def _parsed(value: dict[str, Any]) -> _Run:
    try:
        run = msgspec.convert(value, _Run)
    except msgspec.ValidationError:
        raise InvalidRequest(_MALFORMED) from None
    if sum(one is not None for one in (run.manifest, run.prefix, run.reindex)) != 1:
        raise InvalidRequest(_MALFORMED)
    if run.tenant is None and run.reindex is None:
        raise InvalidRequest(_MALFORMED)
    return run


def _prefix(run: _Run, tenant: str) -> str:
    prefix = run.prefix or ""
    key = DocumentKey.parse(prefix + "x")
    if key is None or key.tenant != tenant:
        raise InvalidRequest("The prefix of a run must lie below documents/ or bulk/ and the run's tenant.")
    return prefix


def _together(live: Iterable[Registration]) -> Iterator[list[str]]:
    some: list[str] = []
    chunks = 0
    for entry in live:
        if some and (len(some) == MAX_COPIES or chunks + entry.chunks > MAX_COPIED_CHUNKS):
            yield some
            some, chunks = [], 0
        some.append(entry.document_id)
        chunks += entry.chunks
    if some:
        yield some
