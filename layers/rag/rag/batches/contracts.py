"""What crosses each state of the batch machines: references to what is staged in the bucket, never texts or vectors."""

from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from rag.contract import Contract, Groups, Mode, RawFilter, Tenant, TopK, TraceId
from rag.contracts import Answer, GenerateRequest

MAX_QUESTIONS: Final = 100  # of one batch
MAX_RESULTS_BYTES: Final = 150 * 1024  # more than that goes to the bucket

Index = Annotated[int, Meta(ge=0)]


class Terms(Contract, frozen=True, kw_only=True):
    """What all questions of a batch share."""

    tenant: Tenant = "default"
    groups: Groups = msgspec.field(default_factory=list)
    filter: RawFilter | UnsetType = UNSET
    top_k: TopK | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET


class BatchInput(Terms, frozen=True, kw_only=True):
    """Input of the batch machine. Each question is judged by itself.

    `caller` is whoever started it over HTTP: the API shows it to nobody else, and the states have no use for it.
    """

    MALFORMED: ClassVar[str] = "The input must be an object with queries, a list of 1 to 100 questions."

    queries: Annotated[list[Any], Meta(min_length=1, max_length=MAX_QUESTIONS)]
    caller: dict[str, Any] | UnsetType = UNSET


class BulkInput(Terms, frozen=True, kw_only=True):
    """Input of the bulk machine: the key of a JSONL file in the documents bucket, below batches/."""

    MALFORMED: ClassVar[str] = "The input must be an object with queries_key, the key of a JSONL file below batches/."

    queries_key: str


class Batch(Contract, frozen=True, kw_only=True):
    """The prefix below which all about a batch is staged, and whether it is a part of a larger one."""

    prefix: str
    part: bool = False


class EmbedBatchRequest(Contract, frozen=True, kw_only=True):
    """Input of the embed state: the batch as it was started, or, in the bulk machine alone, the key of a part of one.

    The batch machine has no way to name a part, whatever it is started with.
    """

    MALFORMED: ClassVar[str] = BatchInput.MALFORMED

    request: dict[str, Any] | UnsetType = UNSET
    part: str | UnsetType = UNSET
    trace_id: TraceId


class EmbedBatchResponse(Contract, frozen=True, kw_only=True):
    """Output of the embed state. `tokens` are those that the model counted just now, for what no cache held.

    `malformed` counts the questions that cannot be asked, `unembedded` those whose text the model would not take.
    """

    batch: Batch
    questions: int
    malformed: int
    unembedded: int
    embedded: int
    reused: int
    tokens: int
    cost_usd: float | None


class SearchBatchRequest(Contract, frozen=True, kw_only=True):
    """Input of the search state."""

    batch: Batch
    trace_id: TraceId


class Item(Contract, frozen=True, kw_only=True):
    """A question that found passages, and where these are: from byte `start` to `end` of the object of that name.

    The name holds a hash of the content: what another attempt finds is another object, and this one stays as it is.
    """

    index: Index
    staged: Annotated[str, Meta(pattern=r"^passages-[0-9a-f]{16}\.json\Z")]
    start: Index
    end: Index


class SearchBatchResponse(Contract, frozen=True, kw_only=True):
    """Output of the search state: the questions that are worth a model call.

    `rerank_failures` are the distinct reasons why `rerank_failed` questions have the order without a reranker.
    """

    items: list[Item]
    refused: int
    passages: int
    dropped: int
    collapsed: int
    suspicious: int = 0
    distrusted: int = 0
    rerank_failed: int
    rerank_failures: list[str]


class ComposeItemRequest(Contract, frozen=True, kw_only=True):
    """Input of the state that writes one question's prompt."""

    batch: Batch
    item: Item
    trace_id: TraceId


class ComposeItemResponse(Contract, frozen=True, kw_only=True):
    """Output of the compose state: what the model is to be asked."""

    request: GenerateRequest


class GenerateItemRequest(Contract, frozen=True, kw_only=True):
    """Input of the state that has one question answered."""

    batch: Batch
    index: Index
    request: GenerateRequest
    trace_id: TraceId


class GenerateItemResponse(Contract, frozen=True, kw_only=True):
    """Output of the generate state; the answer is staged."""

    index: Index


class ItemError(Contract, frozen=True, kw_only=True):
    """Why a question has no answer. `name` is that of an error of ours, or TimedOut."""

    name: str
    message: str


def invalid(message: str) -> ItemError:
    """Return the error of a question that cannot be asked."""
    return ItemError(name="InvalidRequest", message=message)


class Outcome(Contract, frozen=True, kw_only=True):
    """How the states ended that answer one question."""

    index: Index
    error: ItemError | None = None


class CollectBatchRequest(Contract, frozen=True, kw_only=True):
    """Input of the collect state."""

    batch: Batch
    outcomes: list[Outcome]
    trace_id: TraceId


class BatchResult(Contract, frozen=True, kw_only=True):
    """What became of one question: an error where it failed, and else the whole output of a single query.

    `id` is the caller's own, where the file of a bulk run gave one.
    """

    index: Index
    id: str | UnsetType = UNSET
    status: Literal["ok", "failed"]
    error: ItemError | UnsetType = UNSET
    answer: Answer | UnsetType = UNSET


class BatchOutput(Contract, frozen=True, kw_only=True):
    """Output of a batch: its results in the order asked, or where they are, as s3://BUCKET/KEY.

    `answered` counts those that are ok and hold an answer, `failed` those that failed; the others are refusals. Of a
    part nothing but the counts is told: the bulk machine's map collects what its parts put out.
    """

    results: list[BatchResult] | UnsetType = UNSET
    results_location: str | UnsetType = UNSET
    answered: int
    failed: int
    trace_id: str


class PlanBatchRequest(Contract, frozen=True, kw_only=True):
    """Input of the plan state: the bulk batch as it was started."""

    MALFORMED: ClassVar[str] = BulkInput.MALFORMED

    request: dict[str, Any]
    trace_id: TraceId


class PlanBatchResponse(Contract, frozen=True, kw_only=True):
    """Output of the plan state: where the parts of the batch are listed."""

    batch: Batch
    bucket: str
    parts_key: str
    parts: int
    questions: int


class CollectBulkRequest(Contract, frozen=True, kw_only=True):
    """Input of the state that joins the results of the parts."""

    batch: Batch
    trace_id: TraceId
