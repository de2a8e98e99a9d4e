"""The client of the HTTP API, against a server on a socket."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest
from botocore.credentials import Credentials

from ragctl.api import ApiKey, ApiProblemError, ApiUnreachableError, BearerToken, Client, SignatureV4
from ragctl.api.model import Batch, Question
from tests.fakes import faulty_http as faults
from tests.fakes.faulty_http import FaultyServer, Request, Response

ANSWER = {
    "answer": "At noon [1].", "answered": True, "reason": None, "query": "When?", "rewritten_query": None,
    "model": "m", "degraded": [], "cached_embedding": False, "trace_id": "t-1",
    "citations": [
        {
            "n": 1, "document_id": "birds.md", "chunk_id": "c", "title": "Birds", "source": "birds.md", "page": None,
            "start": 0, "end": 16, "quote": "It sings at noon.", "score": 0.5, "suspicious": False,
        }
    ],
    "usage": {"embedding_tokens": 1, "prompt_tokens": 2, "completion_tokens": 3, "cost_usd": 0.0},
}  # fmt: skip
STARTED = {"id": "e-1", "status_url": "/v1/executions/e-1"}
RUNNING = {"id": "e-1", "status": "RUNNING", "started_at": 1, "ended_at": None, "result": None, "problem": None}
BUSY = {"type": "urn:serverless-rag:upstream-throttled", "title": "Busy", "status": 503, "detail": "Come again."}


class Api(FaultyServer):
    """Answers every route with what a test has put there."""

    def __init__(self) -> None:
        self.answers: dict[str, object] = {"POST /v1/answers": ANSWER, "GET /v1/health": {"status": "ok"}}
        super().__init__(self._answer)

    def _answer(self, request: Request) -> Response:
        return Response.of_json(self.answers.get(f"{request.method} {request.path}"))


class Waits(list[float]):
    """Notes how long somebody would have waited."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        yield server


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def client(api: Api, waits: Waits) -> Iterator[Client]:
    with Client(api.url, timeout_seconds=10, pause=waits) as client:
        yield client


def busy(retry_after: str | None) -> faults.Fault:
    headers = {"Content-Type": "application/problem+json", **({"Retry-After": retry_after} if retry_after else {})}
    return faults.answer(503, json.dumps(BUSY), headers)


def test_a_question_comes_back_as_an_answer_with_citations(api: Api, client: Client) -> None:
    answer = client.answer(Question(query="When?", top_k=3))

    assert answer.citations[0].quote == "It sings at noon."
    assert api.requests[0].json() == {"query": "When?", "top_k": 3}


def test_a_field_that_was_added_to_an_answer_is_passed_over(api: Api, client: Client) -> None:
    api.answers["POST /v1/answers"] = {**ANSWER, "confidence": 0.9}

    assert client.answer(Question(query="When?")).answered


def test_a_problem_is_an_error_with_its_name_status_detail_and_trace(api: Api, client: Client) -> None:
    problem = {"type": "urn:serverless-rag:not-allowed", "title": "Not allowed", "status": 403, "detail": "No."}
    api.next(faults.answer_json({**problem, "trace_id": "t-9"}, 403))

    with pytest.raises(ApiProblemError, match=r"Not allowed \(403\): No\. \(trace id t-9\)") as caught:
        client.answer(Question(query="When?"))

    assert (caught.value.name, caught.value.status, caught.value.problem.trace_id) == ("not-allowed", 403, "t-9")


@pytest.mark.parametrize("fault", [faults.html(502), faults.empty_body(500), faults.answer(403, '{"message": "x"}')])
def test_a_refusal_without_a_problem_still_tells_its_status(api: Api, client: Client, fault: faults.Fault) -> None:
    api.next(fault)

    with pytest.raises(ApiProblemError) as caught:
        client.health()

    assert caught.value.status in (403, 500, 502)
    assert caught.value.name == "unknown"


@pytest.mark.parametrize(
    "fault", [faults.html(), faults.empty_body(), faults.truncated, faults.reset, faults.answer_json({"status": 7})]
)
def test_an_answer_that_is_none_is_told_as_such(api: Api, client: Client, fault: faults.Fault) -> None:
    api.next(fault)

    with pytest.raises(ApiUnreachableError):
        client.health()


@pytest.mark.parametrize("fault", [faults.hang, faults.drip(0.05)])
def test_one_deadline_holds_for_the_whole_call(api: Api, fault: faults.Fault) -> None:
    api.next(fault)

    with Client(api.url, timeout_seconds=0.2) as client, pytest.raises(ApiUnreachableError, match=r"within 0\.2 s"):
        client.health()


def test_nobody_listening_is_told_with_the_address() -> None:
    with Client("http://127.0.0.1:1") as client, pytest.raises(ApiUnreachableError, match=r"http://127\.0\.0\.1:1 "):
        client.health()


def test_what_can_be_repeated_comes_again_when_it_is_told_to(api: Api, client: Client, waits: Waits) -> None:
    api.next(busy("2"), busy("1"))

    assert client.health().status == "ok"
    assert waits == [2, 1]


def test_a_date_to_come_again_is_understood(api: Api, client: Client, waits: Waits) -> None:
    api.next(busy(format_datetime(datetime.now(UTC) + timedelta(seconds=4), usegmt=True)))

    assert client.health().status == "ok"
    assert 0 <= waits[0] <= 4


def test_the_third_refusal_is_the_last(api: Api, client: Client) -> None:
    api.next(busy("1"), busy("1"), busy("1"))

    with pytest.raises(ApiProblemError) as caught:
        client.health()

    assert (caught.value.status, caught.value.retry_after) == (503, 1)


@pytest.mark.parametrize("retry_after", [None, "3600", "soon"])
def test_nobody_waits_longer_than_the_call_may_take_or_without_a_time(
    api: Api, client: Client, waits: Waits, retry_after: str | None
) -> None:
    api.next(busy(retry_after))

    with pytest.raises(ApiProblemError, match="Come again"):
        client.health()

    assert waits == []


def test_a_question_is_not_asked_twice(api: Api, client: Client) -> None:
    api.next(busy("1"))

    with pytest.raises(ApiProblemError):
        client.answer(Question(query="When?"))

    assert len(api.requests) == 1


def test_an_execution_is_started_again_only_under_a_key(api: Api, client: Client, waits: Waits) -> None:
    api.answers["POST /v1/executions"] = STARTED
    api.next(busy("1"), busy("1"))

    with pytest.raises(ApiProblemError):
        client.start(Question(query="When?"))

    assert client.start(Question(query="When?"), idempotency_key="k-1").id == "e-1"
    assert [request.headers.get("idempotency-key") for request in api.requests] == [None, "k-1", "k-1"]
    assert waits == [1]


def test_an_execution_is_waited_for(api: Api, client: Client, waits: Waits) -> None:
    ended = {**RUNNING, "status": "SUCCEEDED", "ended_at": 2.5, "result": ANSWER}
    api.answers["GET /v1/executions/e-1"] = ended
    api.next(faults.answer_json(RUNNING), faults.answer_json(RUNNING))

    execution = client.wait("e-1")

    assert execution.result is not None
    assert execution.result.answer == "At noon [1]."
    assert len(waits) == 2


def test_an_execution_that_failed_tells_its_problem(api: Api, client: Client) -> None:
    api.answers["GET /v1/executions/e-1"] = {**RUNNING, "status": "FAILED", "ended_at": 2, "problem": BUSY}

    problem = client.wait("e-1").problem

    assert problem is not None
    assert problem.title == "Busy"


def test_an_execution_is_not_waited_for_for_ever(api: Api, client: Client) -> None:
    api.answers["GET /v1/executions/e-1"] = RUNNING

    with pytest.raises(ApiUnreachableError, match=r"e-1 has not ended within 0\.01 s"):
        client.wait("e-1", seconds=0.01)


def test_a_batch_has_a_result_for_each_question(api: Api, client: Client) -> None:
    api.answers["POST /v1/batches"] = {"id": "batch-1", "status_url": "/v1/executions/batch-1"}
    results = [
        {"index": 0, "status": "ok", "answer": ANSWER},
        {"index": 1, "status": "failed", "error": {"name": "InvalidRequest", "message": "query must be."}},
    ]
    outcome = {"results": results, "answered": 1, "failed": 1, "trace_id": "t-1"}
    api.answers["GET /v1/executions/batch-1"] = {**RUNNING, "id": "batch-1", "status": "SUCCEEDED", "result": outcome}

    started = client.start_batch(Batch(queries=["When?", "Why?"]))
    batch = client.wait_for_batch(started.id).result

    assert batch is not None
    assert (batch.answered, batch.failed) == (1, 1)


def test_results_in_the_bucket_are_fetched_without_the_api_s_credentials(api: Api) -> None:
    results = [{"index": 0, "status": "ok", "answer": ANSWER}]
    api.answers["GET /v1/batches/batch-1/results"] = {"url": f"{api.url}/bucket?X-Amz-Signature=a%2Fb", "expires_at": 9}
    api.answers["GET /bucket"] = results

    with Client(api.url, BearerToken("a.b.c")) as client:
        (fetched,) = client.batch_results("batch-1")

    asked, followed = api.requests
    assert (fetched.index, fetched.status) == (0, "ok")
    assert "authorization" in asked.headers
    assert "authorization" not in followed.headers
    assert followed.query == {"X-Amz-Signature": ["a/b"]}


@pytest.mark.parametrize("status", [302, 403, 404])
def test_an_address_that_is_refused_is_told_without_it(api: Api, client: Client, status: int) -> None:
    api.answers["GET /v1/batches/batch-1/results"] = {"url": f"{api.url}/bucket?secret", "expires_at": 9}
    api.next(faults.answer_json(api.answers["GET /v1/batches/batch-1/results"]))
    api.next(faults.answer(status, "", {"Location": f"{api.url}/elsewhere"}))

    with pytest.raises(ApiUnreachableError, match=f"refuses the download with the status {status}") as caught:
        client.batch_results("batch-1")

    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("document_id", "path"),
    [
        ("a/b c.md", "/v1/documents/a/b%20c.md"),
        ("50%?#é.md", "/v1/documents/50%25%3F%23%C3%A9.md"),
        ("../up", "/v1/documents/%2E%2E/up"),
    ],
)
def test_a_document_is_named_by_its_id_whatever_that_holds(
    api: Api, client: Client, document_id: str, path: str
) -> None:
    api.next(faults.answer_json(BUSY, 404))

    with pytest.raises(ApiProblemError):
        client.document(document_id)

    assert api.requests[0].path == path


def test_an_upload_sends_the_fields_of_its_leave_and_then_the_file(api: Api, client: Client) -> None:
    api.answers["POST /v1/documents"] = {
        "url": f"{api.url}/bucket", "fields": {"key": "documents/acme/a/b.md", "policy": "p"}, "expires_at": 9,
    }  # fmt: skip
    api.answers["POST /bucket"] = {}

    client.upload("a/b.md", b"# Birds", "text/markdown")

    asked, sent = api.requests
    assert asked.json() == {"document_id": "a/b.md", "size": 7, "content_type": "text/markdown"}
    assert sent.headers["content-type"].startswith("multipart/form-data")
    assert sent.body.index(b"documents/acme/a/b.md") < sent.body.index(b"# Birds")


def test_the_store_of_documents_gets_no_credentials_of_the_api(api: Api) -> None:
    api.answers["POST /v1/documents"] = {"url": f"{api.url}/bucket", "fields": {}, "expires_at": 9}
    api.answers["POST /bucket"] = {}

    with Client(api.url, BearerToken("t")) as client:
        client.upload("a.md", b"x")

    assert [request.headers.get("authorization") for request in api.requests] == ["Bearer t", None]


@pytest.mark.parametrize(
    ("authentication", "header", "value"),
    [(BearerToken("abc"), "authorization", "Bearer abc"), (ApiKey("abc"), "x-api-key", "abc")],
)
def test_a_token_and_a_key_travel_in_their_headers(
    api: Api, authentication: httpx.Auth, header: str, value: str
) -> None:
    with Client(api.url, authentication) as client:
        client.health()

    assert api.requests[0].headers[header] == value


def test_a_request_is_signed_with_body_and_session(api: Api) -> None:
    credentials = Credentials("AKID", "secret", "session")

    with Client(api.url, SignatureV4(credentials, "eu-central-1")) as client:
        client.answer(Question(query="When?"))

    headers = api.requests[0].headers
    assert "/eu-central-1/execute-api/aws4_request" in headers["authorization"]
    assert "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token" in headers["authorization"]
    assert headers["x-amz-security-token"] == "session"
