"""The API's operations, one method each."""

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Final, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx
import msgspec

from ragctl.api.documents import Deletion, Document, Documents, DocumentStatus, Grant, Upload
from ragctl.api.model import Answer, Batch, BatchOutcome, BatchResult, Execution, Health, Question, Results, Started
from ragctl.api.problems import ApiUnreachableError
from ragctl.api.transport import Transport

ANSWER_SECONDS: Final = 35.0  # API Gateway gives up after 29
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0

T = TypeVar("T")


class Client:
    """Calls one API. Close it, or use it in a `with` block.

    Every method raises:
        ApiProblemError: the API refuses, or failed.
        ApiUnreachableError: no answer came within `timeout_seconds` in all, or none that this API would give.

    What can be repeated safely is, when the API says when to come again (Retry-After) and that is soon enough.
    """

    def __init__(
        self,
        url: str,
        authentication: httpx.Auth | None = None,
        *,
        timeout_seconds: float = ANSWER_SECONDS,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._transport = Transport(url, authentication, timeout_seconds, pause)
        self._pause = pause

    def answer(self, question: Question) -> Answer:
        """Ask a question and wait for its answer."""
        return self._told(Answer, self._transport.call("POST", "/v1/answers", body=question))

    def start(self, question: Question, idempotency_key: str | None = None) -> Started:
        """Start an execution that answers a question; the same key again is the same execution."""
        return self._start("/v1/executions", question, idempotency_key)

    def start_batch(self, questions: Batch, idempotency_key: str | None = None) -> Started:
        """Start an execution that answers up to a hundred questions."""
        return self._start("/v1/batches", questions, idempotency_key)

    def execution(self, execution_id: str) -> Execution[Answer]:
        """Return how the execution of a question stands."""
        return self._told(Execution[Answer], self._described(execution_id))

    def batch(self, execution_id: str) -> Execution[BatchOutcome]:
        """Return how a batch stands."""
        return self._told(Execution[BatchOutcome], self._described(execution_id))

    def batch_results(self, execution_id: str) -> list[BatchResult]:
        """Return the results of a batch that are too large for its execution's, which has a `results_url` instead."""
        path = f"/v1/batches/{_segment(execution_id)}/results"
        results = self._told(Results, self._transport.call("GET", path, repeatable=True))
        return self._told(list[BatchResult], self._transport.get(results.url))

    def wait(self, execution_id: str, seconds: float = 60.0) -> Execution[Answer]:
        """Return the execution of a question once it has ended; one that runs on is unreachable after `seconds`."""
        return self._ended(lambda: self.execution(execution_id), seconds)

    def wait_for_batch(self, execution_id: str, seconds: float = 600.0) -> Execution[BatchOutcome]:
        """Return a batch once it has ended; one that runs on is unreachable after `seconds`."""
        return self._ended(lambda: self.batch(execution_id), seconds)

    def documents(
        self,
        *,
        prefix: str | None = None,
        status: DocumentStatus | None = None,
        limit: int | None = None,
        next_page: str | None = None,
    ) -> Documents:
        """Return a page of the documents that the caller may see."""
        given = {"prefix": prefix, "status": status, "limit": limit, "next": next_page}
        query = urlencode({name: value for name, value in given.items() if value is not None}, quote_via=quote)
        return self._told(
            Documents, self._transport.call("GET", f"/v1/documents{'?' if query else ''}{query}", repeatable=True)
        )

    def document(self, document_id: str) -> Document:
        """Return what is known of one document."""
        return self._told(Document, self._transport.call("GET", _document_path(document_id), repeatable=True))

    def delete_document(self, document_id: str) -> Deletion:
        """Delete a document: at once for readers, then from index, caches and bucket."""
        return self._told(Deletion, self._transport.call("DELETE", _document_path(document_id), repeatable=True))

    def upload(self, document_id: str, content: bytes, content_type: str | None = None) -> Grant:
        """Upload a document, and return the leave that the API gave for it; it is ingested soon after."""
        asked = Upload(
            document_id=document_id,
            size=len(content),
            content_type=msgspec.UNSET if content_type is None else content_type,
        )
        leave = self._told(Grant, self._transport.call("POST", "/v1/documents", body=asked))
        self._transport.post_form(leave.url, leave.fields, document_id.rpartition("/")[2], content)
        return leave

    def health(self) -> Health:
        """Return whether the API answers."""
        return self._told(Health, self._transport.call("GET", "/v1/health", repeatable=True))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, path: str, body: Question | Batch, key: str | None) -> Started:
        headers: Mapping[str, str] = {} if key is None else {"Idempotency-Key": key}
        return self._told(
            Started, self._transport.call("POST", path, body=body, headers=headers, repeatable=key is not None)
        )

    def _described(self, execution_id: str) -> bytes:
        return self._transport.call("GET", f"/v1/executions/{_segment(execution_id)}", repeatable=True)

    def _ended(self, look: "Callable[[], Execution[T]]", seconds: float) -> "Execution[T]":
        deadline = time.monotonic() + seconds
        pause = _FIRST_PAUSE
        while (execution := look()).status == "RUNNING":
            if time.monotonic() + pause >= deadline:
                raise ApiUnreachableError(f"The execution {execution.id} has not ended within {seconds:g} s.")
            self._pause(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
        return execution

    def _told(self, kind: type[T], content: bytes) -> T:
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise ApiUnreachableError(
                "The API answers what it never should: is the address that of this API?"
            ) from error


def _document_path(document_id: str) -> str:
    return "/v1/documents/" + "/".join(map(_segment, document_id.split("/")))


def _segment(text: str) -> str:
    """Return a segment of a path as it travels; dots alone would name another path."""
    return "%2E" * len(text) if text in (".", "..") else quote(text, safe="")
