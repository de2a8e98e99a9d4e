"""The handlers behind the API, from event to response: whatever happens, API Gateway gets one it understands."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.batches.staged import results_key
from rag.errors import Conflict, InternalError, InvalidRequest, NotAllowed, RagError, UpstreamUnavailable
from rag.http import telemetry
from rag.http.allowance import Allowance
from rag.http.asking import StartBatch, StartExecution, question_of
from rag.http.callers import IdentifyCaller
from rag.http.changing import DeleteDocument, Grants, UploadDocument
from rag.http.documents import ListDocuments, ShowDocument
from rag.http.endpoint import Endpoint, Operation
from rag.http.exchange import HttpResponse
from rag.http.executions import StartOnce
from rag.http.results import ShowResults
from rag.registration import Registration
from rag.telemetry import Handler, logger, metrics
from tests.fakes.memory_callers import MemoryCounts, MemoryPrincipals
from tests.fakes.memory_catalogue import MemoryCatalogue
from tests.fakes.memory_executions import MemoryExecutions
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.proxy_events import event
from tests.unit.test_http_changing import Forms
from tests.unit.test_http_results import Links

CANARY = "canary-question"
EVENTS = Path(__file__).parents[2] / "events"


def answering(act: Callable[[], HttpResponse]) -> Handler:
    @telemetry.answered
    def handler(event: dict[str, Any], context: Any) -> HttpResponse:
        return act()

    return handler


def raising(error: Exception) -> Handler:
    def act() -> HttpResponse:
        raise error

    return answering(act)


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    written: list[Any] = []
    for level in ("info", "warning", "error"):
        monkeypatch.setattr(logger, level, lambda *words, **more: written.append((words, more)))
    return written


def test_a_response_is_what_api_gateway_takes() -> None:
    answer = answering(lambda: HttpResponse(202, {"id": "a"}))(event(), None)
    assert (answer["statusCode"], json.loads(answer["body"]), answer["isBase64Encoded"]) == (202, {"id": "a"}, False)
    assert answer["headers"]["Content-Type"] == "application/json"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InvalidRequest("top_k must be an integer."), 400),
        (NotAllowed(CANARY), 403),
        (Conflict(CANARY), 409),
        (UpstreamUnavailable(CANARY), 503),
        (InternalError(CANARY), 500),
        (RagError(CANARY), 500),
        (KeyError(CANARY), 500),
        (ValueError(f"arn:aws:states {CANARY}"), 500),
        (RecursionError(CANARY), 500),
    ],
)
def test_an_error_is_a_problem_that_quotes_nothing(log: list[Any], error: Exception, status: int) -> None:
    answer = raising(error)(event({"query": CANARY}), None)
    body = json.loads(answer["body"])
    assert (answer["statusCode"], body["status"], body["trace_id"]) == (status, status, "r-1")
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert set(body) == {"type", "title", "status", "detail", "trace_id"}
    assert CANARY not in json.dumps(answer)


@pytest.mark.parametrize("error", [NotAllowed(CANARY), Conflict(CANARY), KeyError(CANARY), ValueError(CANARY)])
def test_neither_a_refusal_s_nor_an_unexpected_error_s_words_are_logged(log: list[Any], error: Exception) -> None:
    raising(error)(event({"query": CANARY}), None)
    assert log
    assert CANARY not in repr(log)


def test_every_request_is_counted(monkeypatch: pytest.MonkeyPatch, log: list[Any]) -> None:
    """A function that counts nothing is warned of by Powertools, in its log, at each invocation."""
    counted: list[str] = []
    monkeypatch.setattr(metrics, "add_metric", lambda name, *_: counted.append(name))
    answering(lambda: HttpResponse(200, {}))(event(), None)
    raising(NotAllowed("x"))(event(), None)
    raising(KeyError("x"))(event(), None)
    assert counted == ["RequestsGranted", "RequestsRefused", "Failed"]


@pytest.mark.parametrize("origin", ["https://app.example", ""])
def test_problems_are_open_to_the_allowed_origin_too(monkeypatch: pytest.MonkeyPatch, origin: str) -> None:
    monkeypatch.setenv("CORS_ORIGIN", origin)
    headers = raising(NotAllowed("x"))(event(), None)["headers"]
    assert headers.get("Access-Control-Allow-Origin", "") == origin


def showing_results() -> ShowResults:
    executions, objects = MemoryExecutions(), MemoryObjects()
    name = json.loads((EVENTS / "show_results.json").read_text())["pathParameters"]["id"]
    executions.start(name, {"caller": {"id": "token/alice", "principal": {"tenant": "default", "groups": []}}})
    executions.end(name, "SUCCEEDED", {"results_location": "s3://b/k"})
    objects.write(results_key("default", name), b"[]")
    return ShowResults(executions, objects, Links())


def operations() -> dict[str, Operation]:
    registry, executions = MemoryRegistry(), MemoryExecutions()
    registry.store([Registration("default", "remote-work-policy.md", status="ready")])
    start = StartOnce(executions, Allowance(MemoryCounts(), 10, lambda: 0.0), question_of)
    grants = Grants(registry, MemoryRegistry())
    return {
        "start_execution": StartExecution(start),
        "start_batch": StartBatch(start),
        "show_results": showing_results(),
        "list_documents": ListDocuments(MemoryCatalogue(registry)),
        "show_document": ShowDocument(registry, MemoryRegistry()),
        "delete_document": DeleteDocument(grants, executions),
        "upload_document": UploadDocument(grants, Forms(), 1_000_000),
    }


@pytest.mark.parametrize("name", operations())
def test_the_sample_event_of_each_function_is_answered(name: str) -> None:
    given = json.loads((EVENTS / f"{name}.json").read_text())
    response = Endpoint(IdentifyCaller("JWT", MemoryPrincipals()), operations()[name])(given)
    assert response.status in (200, 201, 202)
    assert json.loads(response.to_proxy()["body"])
