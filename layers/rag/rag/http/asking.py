"""Questions that are answered while nobody waits: one as an execution of its own, or up to a hundred as a batch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from rag.batches.contracts import MAX_QUESTIONS
from rag.contract import Contract, History, Mode, Phrasings, Query, RawFilter, TopK
from rag.contracts import EmbedRequest, QueryInput
from rag.http.callers import Caller
from rag.http.exchange import HttpRequest, HttpResponse
from rag.http.executions import Asked, StartOnce, caller_field

BATCH_PREFIX: Final = "batch-"  # of the ids of batches: their executions are another machine's

_UNASKED: Final = "?"  # stands for the text and the trace id where only what all questions share is checked


class QuestionBody(Contract, frozen=True, kw_only=True):
    """Body of a request that asks one question. Who asks is no part of it."""

    MALFORMED: ClassVar[str] = "The body must be an object with a query."

    query: Query
    top_k: TopK | UnsetType = UNSET
    filter: RawFilter | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET
    history: History | UnsetType = UNSET
    phrasings: Phrasings | UnsetType = UNSET


class BatchBody(Contract, frozen=True, kw_only=True):
    """Body of a request that asks many questions. Each is judged by itself when its turn comes."""

    MALFORMED: ClassVar[str] = "The body must be an object with queries, a list of 1 to 100 questions."

    queries: Annotated[list[str], Meta(min_length=1, max_length=MAX_QUESTIONS)]
    top_k: TopK | UnsetType = UNSET
    filter: RawFilter | UnsetType = UNSET
    mode: Mode | UnsetType = UNSET


@dataclass(frozen=True, slots=True)
class StartExecution:
    """Starts an execution of the query machine."""

    start: StartOnce

    def __call__(self, caller: Caller, request: HttpRequest) -> HttpResponse:
        """Return that the question is being answered.

        Raises:
            InvalidRequest: the body is no question that could be asked.
            TooLarge, Conflict, AllowanceSpent: it is refused.
            TransientError, PermanentError: as the state machine's service does.
        """
        body = request.json_object()
        _check(msgspec.to_builtins(QuestionBody.parse(body)))
        given = {"body": body, "caller": caller_field(caller)}
        return self.start(caller, request, Asked(given, body))


@dataclass(frozen=True, slots=True)
class StartBatch:
    """Starts an execution of the batch machine."""

    start: StartOnce

    def __call__(self, caller: Caller, request: HttpRequest) -> HttpResponse:
        """Return that the questions are being answered.

        Raises:
            InvalidRequest: the body is no batch, or what its questions share is malformed.
            TooLarge, Conflict, AllowanceSpent: it is refused.
            TransientError, PermanentError: as the state machine's service does.
        """
        body = request.json_object()
        batch = BatchBody.parse(body)
        shared = {name: value for name, value in msgspec.to_builtins(batch).items() if name != "queries"}
        _check({"query": _UNASKED, **shared})
        owner = caller_field(caller)
        given = {**body, **owner["principal"], "caller": owner}
        return self.start(caller, request, Asked(given, body, len(batch.queries)))


def question_of(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the request in the input of an execution of the query machine."""
    body = given.get("body")
    return body if isinstance(body, dict) else {}


def batch_of(given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the request in the input of an execution of the batch machine."""
    return {name: value for name, value in given.items() if name not in ("tenant", "groups", "caller")}


def _check(question: Mapping[str, Any]) -> None:
    """Refuse what the machine's first state would refuse, before anything is started.

    Raises:
        InvalidRequest: it is malformed.
    """
    request = EmbedRequest(request=QueryInput.parse(question), trace_id=_UNASKED)
    request.normalised(default_top_k=1, default_mode="dense")
