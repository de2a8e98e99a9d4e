"""What the API takes and gives, one type per schema of api/openapi.yaml; a test holds them to it.

What is sent has no field beyond those of the file. What is received may have: fields may be added to an answer.
"""

from collections.abc import Mapping
from typing import Any, Generic, Literal, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from ragctl.api.problems import Problem

Mode = Literal["hybrid", "dense", "lexical", "pruned"]
ExecutionStatus = Literal["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]

Result = TypeVar("Result")


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """One turn of the conversation before a question."""

    role: Literal["user", "assistant"]
    content: str


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question, and how to look for its answer."""

    query: str
    top_k: int | UnsetType = UNSET
    filter: Mapping[str, Any] | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    history: list[Turn] | UnsetType = UNSET
    phrasings: int | UnsetType = UNSET


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """Up to a hundred questions, and what they share."""

    queries: list[str]
    top_k: int | UnsetType = UNSET
    filter: Mapping[str, Any] | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """A verbatim part of a passage that an answer rests on, and its place in the document.

    `suspicious` says that the passage addresses the model rather than a reader.
    """

    n: int
    document_id: str
    chunk_id: str
    title: str
    source: str
    page: int | None
    start: int | None
    end: int | None
    quote: str
    score: float
    suspicious: bool


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens and money that one question took. `cost_usd` is null where a model's price is unknown."""

    embedding_tokens: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: float | None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with its citations, or an honest refusal with its reason."""

    answer: str
    answered: bool
    reason: str | None
    citations: list[Citation]
    query: str
    rewritten_query: str | None
    model: str
    usage: Usage
    cached_embedding: bool
    degraded: list[str]
    trace_id: str


class QuestionError(msgspec.Struct, frozen=True, kw_only=True):
    """Why one question of a batch failed."""

    name: str
    message: str


class BatchResult(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one question of a batch: an answer, or an error."""

    index: int
    status: Literal["ok", "failed"]
    answer: Answer | UnsetType = UNSET
    error: QuestionError | UnsetType = UNSET


class BatchOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a batch. Results too large for it have an address of their own, `results_url`."""

    results: list[BatchResult] | UnsetType = UNSET
    results_url: str | UnsetType = UNSET
    answered: int
    failed: int
    trace_id: str


class Results(msgspec.Struct, frozen=True, kw_only=True):
    """Where results can be got from without credentials, until a moment in epoch seconds."""

    url: str
    expires_at: float


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """An execution that runs, and where to ask for it."""

    id: str
    status_url: str


class Execution(msgspec.Struct, Generic[Result], frozen=True, kw_only=True):
    """An execution: its result once it has succeeded, its problem where it has not. Times are epoch seconds."""

    id: str
    status: ExecutionStatus
    started_at: float
    ended_at: float | None
    result: Result | None
    problem: Problem | None


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """Whether the API can be reached."""

    status: Literal["ok"]
