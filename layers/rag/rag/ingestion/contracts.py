"""What crosses each state of the ingestion machines: references to what is staged in the bucket, never the chunks."""

from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from rag.contract import Contract, Tenant, TraceId
from rag.index_pointer import IndexTarget

MAX_BATCHES: Final = 400  # of one work: their references are a part of the state, up to 400 bytes each

AfterReading = Literal["chunk", "regroup", "copy", "reap", "done"]
RunName = Annotated[str, Meta(pattern="^[A-Za-z0-9][A-Za-z0-9-]{0,79}\\Z")]


class Work(Contract, frozen=True, kw_only=True):
    """Documents that travel together, and the prefix below which all about them is staged."""

    tenant: Tenant
    prefix: str
    run: RunName | None = None  # of a bulk run, to which results are reported
    number: int | None = None  # the item of that run


class ReadRequest(Contract, frozen=True, kw_only=True):
    """Input of the read state: an S3 event, a change by hand, or an item of a bulk run (`rag.ingestion.changes`)."""

    MALFORMED: ClassVar[str] = "The input must be an S3 event of EventBridge, a change by hand, or an item of a run."

    input: dict[str, Any]
    trace_id: TraceId


class ReadResponse(Contract, frozen=True, kw_only=True):
    """Output of the read state: what was staged, and the state that has to go on with it."""

    work: Work
    next: AfterReading
    documents: int  # to go on with
    unchanged: int
    failed: int
    superseded: int


class WorkRequest(Contract, frozen=True, kw_only=True):
    """Input of each state that goes on with a work as a whole: chunk, copy, publish, regroup, reap."""

    work: Work
    trace_id: TraceId


class Batch(Contract, frozen=True, kw_only=True):
    """Chunks that are embedded and indexed together, for one collection. Their work is beside them."""

    batch: int
    target: IndexTarget


class BatchRequest(Contract, frozen=True, kw_only=True):
    """Input of the embed and index states."""

    work: Work
    batch: int
    target: IndexTarget
    trace_id: TraceId


class ChunkResponse(Contract, frozen=True, kw_only=True):
    """Output of the chunk and copy states."""

    work: Work
    batches: list[Batch]
    chunks: int


class EmbedChunksResponse(Contract, frozen=True, kw_only=True):
    """Output of the embed state. `tokens` are those that the model counted just now, for what no cache held."""

    chunks: int
    embedded: int
    reused: int
    tokens: int
    cost_usd: float | None


class IndexChunksResponse(Contract, frozen=True, kw_only=True):
    """Output of the index state."""

    chunks: int


class BatchDone(Contract, frozen=True, kw_only=True):
    """What the Map over batches returns of each, for whoever follows the execution."""

    batch: int
    embedded: EmbedChunksResponse


class PublishResponse(Contract, frozen=True, kw_only=True):
    """Output of the publish state. `index` asks to index `batches` again, because attributes or collections changed."""

    work: Work
    next: Literal["reap", "index"]
    batches: list[Batch]
    published: int
    superseded: int


class DoneResponse(Contract, frozen=True, kw_only=True):
    """Output of the reap, regroup and fail states."""

    work: Work
    documents: int


class FailRequest(Contract, frozen=True, kw_only=True):
    """Input of the fail state: what was caught. Where the read state failed there is no work, only its input."""

    input: dict[str, Any]
    work: Work | None = None
    error: str
    cause: str
    trace_id: TraceId


class PlanRequest(Contract, frozen=True, kw_only=True):
    """Input of the plan state: the bulk run as it was started (see `rag.ingestion.planning`)."""

    input: dict[str, Any]
    trace_id: TraceId


class PlanResponse(Contract, frozen=True, kw_only=True):
    """Output of the plan state: where the items of the run are listed."""

    run: RunName
    tenant: Tenant
    bucket: str
    items_key: str
    items: int


class FinishRequest(Contract, frozen=True, kw_only=True):
    """Input of the finish state."""

    run: RunName
    tenant: Tenant
    trace_id: TraceId


class RunSummary(Contract, frozen=True, kw_only=True):
    """Output of a bulk run, also stored as `runs/{run}/summary.json`."""

    run: RunName
    documents: int
    ready: int
    unchanged: int
    failed: int
    deleted: int  # records that vanished from their file
    superseded: int
    chunks: int
    embedded: int
    reused: int
    tokens: int
    cost_usd: float | None
    failures: list[dict[str, str]] = msgspec.field(default_factory=list)  # the first few: document_id and reason
