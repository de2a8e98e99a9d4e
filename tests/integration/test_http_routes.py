"""Each route of the HTTP API, good and bad, as its file says."""

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any
from uuid import uuid4

import pytest

from ragctl.deployment import Deployment
from ragctl.local.http.issuer import Claims
from tests.integration.http_api import Api

QUESTION = {"query": "How many days a year can I work from abroad?"}
TEXT = b"# Travel\n\nYou can work from abroad for 44 days a year, if your manager agrees.\n"
STATES = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")


@pytest.fixture(scope="module")
def api(local_stack: Deployment) -> Api:
    return Api.of(local_stack)


@pytest.fixture(scope="module")
def owner(api: Api) -> str:
    return api.token(Claims("acme-http", ("staff",), writer=True, subject="owner"))


@pytest.fixture(scope="module")
def reader(api: Api) -> str:
    return api.token(Claims("acme-http", ("staff",), subject="reader"))


@pytest.fixture(scope="module")
def stranger(api: Api) -> str:
    return api.token(Claims("other-http", ("staff",), writer=True, subject="stranger"))


@pytest.fixture(scope="module")
def document(api: Api, owner: str) -> str:
    """A document that was uploaded over HTTP, and is ready."""
    return uploaded(api, owner, "notes/travel & more.md")


def uploaded(api: Api, by: str, document_id: str) -> str:
    form = granted(api, by, document_id)
    with urllib.request.urlopen(posting(form, TEXT), timeout=20) as answer:
        assert answer.status in {200, 201, 204}
    api.until(f"/v1/documents/{quoted(document_id)}", "status", "ready", by=by)
    return document_id


def granted(api: Api, by: str, document_id: str) -> Any:
    answer = api.call("POST", "/v1/documents", {"document_id": document_id, "size": len(TEXT)}, by=by)
    assert answer.status == 201, answer
    return answer.json


def posting(form: Any, content: bytes) -> urllib.request.Request:
    """Return the request that posts a file with a form."""
    boundary = uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in form["fields"].items()
    ]
    file = f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n'.encode()
    body = b"".join([*parts, file, content, f"\r\n--{boundary}--\r\n".encode()])
    kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return urllib.request.Request(form["url"], body, kind)


def quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="")


class TestAnswers:
    def test_a_question_is_answered_with_citations(self, api: Api, reader: str, document: str) -> None:
        answer = api.call("POST", "/v1/answers", QUESTION, by=reader)

        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.body == answer.body.strip()
        assert "44 days" in answer.json["answer"]
        assert answer.json["citations"][0]["document_id"] == document

    def test_who_brings_no_token_is_tenant_default(self, api: Api, document: str) -> None:
        answer = api.call("POST", "/v1/answers", QUESTION)

        assert (answer.status, answer.json["citations"]) == (200, [])

    def test_another_tenant_finds_nothing(self, api: Api, stranger: str, document: str) -> None:
        assert api.call("POST", "/v1/answers", QUESTION, by=stranger).json["citations"] == []

    @pytest.mark.parametrize("member", ["tenant", "groups", "principal", "caller", "trace_id", "surplus"])
    def test_a_body_says_nothing_about_who_asks(self, api: Api, member: str) -> None:
        answer = api.call("POST", "/v1/answers", {**QUESTION, member: "acme-http"})

        assert answer.problem == (400, "invalid-request")

    def test_what_the_querys_own_rules_refuse_is_told(self, api: Api) -> None:
        answer = api.call("POST", "/v1/answers", {**QUESTION, "filter": {"year": {"$gte": "x"}}})

        assert answer.problem == (400, "invalid-request")
        assert "$gte" in answer.json["detail"]

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "application/xml"])
    @pytest.mark.parametrize("path", ["/v1/answers", "/v1/executions", "/v1/batches", "/v1/documents"])
    def test_a_body_of_another_type_is_refused(self, api: Api, owner: str, path: str, kind: str) -> None:
        answer = api.call("POST", path, b'{"query": "a"}', {"Content-Type": kind}, owner)

        assert answer.problem == (415, "unsupported-media-type")

    @pytest.mark.parametrize(("path", "status"), [("/v1/answers", 200), ("/v1/executions", 202)])
    def test_a_body_without_a_type_is_json(self, api: Api, path: str, status: int) -> None:
        assert api.call("POST", path, b'{"query": "a"}', {"Content-Type": ""}).status == status


class TestTokens:
    @pytest.mark.parametrize(
        "token",
        ["Bearer x", "Bearer a.b.c", "Basic dTpw", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."],
        ids=["no token", "no claims", "another scheme", "unsigned"],
    )
    def test_what_is_no_token_is_not_accepted(self, api: Api, token: str) -> None:
        assert api.call("GET", "/v1/health", by=token).problem == (401, "not-authenticated")

    def test_a_changed_token_is_not_accepted(self, api: Api, reader: str) -> None:
        head, payload, signature = reader.split(".")
        changed = f"{head}.{payload}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"

        assert api.call("GET", "/v1/health", by=changed).problem == (401, "not-authenticated")

    def test_a_page_of_another_origin_gets_no_token(self, api: Api) -> None:
        page = {"Origin": "https://example.com"}

        assert api.call("POST", "/v1/answers", QUESTION, page).problem == (401, "not-authenticated")

    def test_a_name_that_resolves_here_is_not_this_machines(self, api: Api) -> None:
        assert api.call("GET", "/v1/health", headers={"Host": "example.com"}).status == 403


class TestExecutions:
    def test_one_is_started_followed_and_shown_to_its_caller_alone(
        self, api: Api, reader: str, stranger: str, document: str
    ) -> None:
        started = api.call("POST", "/v1/executions", QUESTION, by=reader)
        assert started.status == 202
        shown = api.until(started.json["status_url"], "status", *STATES, by=reader)

        assert (shown["status"], shown["problem"]) == ("SUCCEEDED", None)
        assert "44 days" in shown["result"]["answer"]
        assert shown["started_at"] <= shown["ended_at"]
        assert api.call("GET", started.json["status_url"], by=stranger).problem == (404, "not-found")

    def test_the_same_key_starts_one_and_another_body_is_a_conflict(self, api: Api, reader: str) -> None:
        key = {"Idempotency-Key": uuid4().hex}

        first, again = (api.call("POST", "/v1/executions", QUESTION, key, reader) for _ in range(2))
        other = api.call("POST", "/v1/executions", {"query": "Another?"}, key, reader)

        assert (first.status, again.status) == (202, 202)
        assert first.json == again.json
        assert other.problem == (409, "conflict")

    @pytest.mark.parametrize("execution", ["unknown", "batch-unknown", "a%20b", "%2e%2e%2fx", "a" * 81, "%F0%9F%98%80"])
    def test_an_unknown_one_is_not_found(self, api: Api, execution: str) -> None:
        assert api.call("GET", f"/v1/executions/{execution}").problem == (404, "not-found")


class TestBatches:
    def test_one_is_started_and_followed(self, api: Api, reader: str, document: str) -> None:
        started = api.call("POST", "/v1/batches", {"queries": [QUESTION["query"], ""]}, by=reader)
        assert started.status == 202
        shown = api.until(started.json["status_url"], "status", *STATES, by=reader)

        assert shown["status"] == "SUCCEEDED"
        assert api.call("GET", started.json["status_url"]).problem == (404, "not-found")

    def test_results_beyond_150_kib_are_fetched_by_who_asked_and_by_nobody_else(
        self, api: Api, reader: str, stranger: str, document: str
    ) -> None:
        queries = [f"{QUESTION['query']} {number} {'x ' * 900}".strip() for number in range(100)]
        started = api.call("POST", "/v1/batches", {"queries": queries}, by=reader)
        shown = api.until(started.json["status_url"], "status", *STATES, by=reader)
        path = f"/v1/batches/{started.json['id']}/results"

        assert shown["result"].keys() == {"results_url", "answered", "failed", "trace_id"}
        assert shown["result"]["results_url"] == path
        granted = api.call("GET", path, by=reader)
        assert granted.status == 200, granted
        with urllib.request.urlopen(granted.json["url"], timeout=20) as fetched:
            content = fetched.read()
        assert len(content) > 150 * 1024
        assert [result["answer"]["query"] for result in json.loads(content)] == queries

        colleague = api.token(Claims("acme-http", ("staff",), subject="colleague"))
        namesake = api.token(Claims("other-http", ("staff",), subject="reader"))
        unknown = api.call("GET", "/v1/batches/batch-unknown/results", by=stranger)
        for other in (stranger, colleague, namesake):
            refused = api.call("GET", path, by=other)
            assert refused.problem == (404, "not-found")
            assert refused.json["detail"] == unknown.json["detail"]

    def test_who_brings_no_token_sees_nothing_that_a_token_started(self, api: Api) -> None:
        developer = api.token(Claims())
        started = api.call("POST", "/v1/executions", QUESTION, by=developer)
        assert api.call("GET", started.json["status_url"], by=developer).status == 200
        assert api.call("GET", started.json["status_url"]).problem == (404, "not-found")

    def test_results_that_fit_are_where_the_batch_is_shown(self, api: Api, reader: str, document: str) -> None:
        started = api.call("POST", "/v1/batches", {"queries": [QUESTION["query"]]}, by=reader)
        api.until(started.json["status_url"], "status", *STATES, by=reader)
        answer = api.call("GET", f"/v1/batches/{started.json['id']}/results", by=reader)

        assert answer.problem == (404, "no-results")
        assert "GET /v1/executions/{id}" in answer.json["detail"]

    @pytest.mark.parametrize("body", [{}, {"queries": []}, {"queries": "a"}, {"queries": ["a"], "tenant": "b"}])
    def test_another_form_is_refused(self, api: Api, body: Any) -> None:
        assert api.call("POST", "/v1/batches", body).problem == (400, "invalid-request")


class TestDocuments:
    def test_they_are_listed_and_shown_to_who_may_see_them(
        self, api: Api, reader: str, stranger: str, document: str
    ) -> None:
        path = f"/v1/documents/{quoted(document)}"

        listed = api.call("GET", f"/v1/documents?prefix={quoted('notes/')}", by=reader)
        assert [entry["document_id"] for entry in listed.json["documents"]] == [document]
        assert api.call("GET", path, by=reader).json["status"] == "ready"
        assert api.call("GET", path, by=stranger).problem == (404, "not-found")
        assert api.call("GET", "/v1/documents", by=stranger).json["documents"] == []

    @pytest.mark.parametrize(
        ("changed", "content", "refusal"),
        [
            ({"key": "documents/other-http/planted.md"}, TEXT, (403, b"<Code>AccessDenied</Code>")),
            ({"Content-Type": "text/html"}, TEXT, (403, b"<Code>AccessDenied</Code>")),
            ({"x-amz-signature": "0" * 64}, TEXT, (403, b"<Code>SignatureDoesNotMatch</Code>")),
            ({}, TEXT + b"x", (400, b"<Code>EntityTooLarge</Code>")),
        ],
        ids=["another tenant's key", "another content type", "another signature", "a larger file"],
    )
    def test_a_form_uploads_nothing_else_than_it_is_for(
        self, api: Api, owner: str, changed: dict[str, str], content: bytes, refusal: tuple[int, bytes]
    ) -> None:
        form = granted(api, owner, "never-uploaded.md")
        form["fields"] |= changed
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(posting(form, content), timeout=20)
        with refused.value as answer:
            assert answer.code == refusal[0]
            assert refusal[1] in answer.read()
        shown = api.call("GET", "/v1/documents/never-uploaded.md", by=owner)
        assert shown.problem == (404, "not-found")

    def test_one_is_uploaded_and_deleted_by_a_writer_alone(self, api: Api, owner: str, reader: str) -> None:
        wanted = {"document_id": "short-lived.md", "size": 10}
        assert api.call("POST", "/v1/documents", wanted, by=reader).problem == (403, "not-allowed")
        uploaded(api, owner, "short-lived.md")

        for name in ("short-lived.md", "nothing.md"):
            assert api.call("DELETE", f"/v1/documents/{name}", by=reader).problem == (403, "not-allowed")
        outsider = api.token(Claims("acme-http", ("other",), writer=True, subject="outsider"))
        assert api.call("DELETE", "/v1/documents/nothing.md", by=outsider).problem == (404, "not-found")
        assert api.call("DELETE", "/v1/documents/short-lived.md", by=owner).status == 202

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"document_id": "a.md"},
            {"document_id": "", "size": 1},
            {"document_id": "a.md", "size": 0},
            {"document_id": "a.md", "size": 10**12},
            {"document_id": "../other/a.md", "size": 1},
            {"document_id": "a\u0000.md", "size": 1},
        ],
    )
    def test_a_file_that_cannot_be_is_refused(self, api: Api, owner: str, body: Any) -> None:
        assert api.call("POST", "/v1/documents", body, by=owner).problem == (400, "invalid-request")


class TestService:
    def test_health_is_ok(self, api: Api) -> None:
        answer = api.call("GET", "/v1/health")

        assert (answer.status, answer.json) == (200, {"status": "ok"})

    @pytest.mark.parametrize(
        ("method", "path"),
        [("GET", "/v1/nothing"), ("PUT", "/v1/health"), ("BREW", "/v1/health"), ("GET", "/v2/health")],
    )
    def test_what_is_no_operation_is_not_found(self, api: Api, method: str, path: str) -> None:
        assert api.call(method, path).problem == (404, "not-found")

    @pytest.mark.parametrize("method", ["GET", "OPTIONS"])
    def test_what_says_nothing_takes_no_body_of_another_type(self, api: Api, method: str) -> None:
        for kind, status in (("", 200), ("application/json", 200), ("text/plain", 415), ("application/xml", 415)):
            told = api.call(method, "/v1/health", b"<a/>", {"Content-Type": kind}).status
            assert told == (204 if (status, method) == (200, "OPTIONS") else status), kind

    def test_a_browser_is_told_what_it_may_send(self, api: Api) -> None:
        answer = api.call("OPTIONS", "/v1/answers", headers={"Origin": "https://example.com"})

        assert (answer.status, answer.body) == (204, b"")
        assert "POST" in answer.headers["access-control-allow-methods"]
        assert "access-control-allow-origin" not in answer.headers

    def test_the_documentation_is_served_and_needs_nothing_else(self, api: Api) -> None:
        page = api.call("GET", "/docs")

        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"http://" not in page.body
        assert b"https://" not in page.body

    def test_the_public_document_holds_nothing_of_amazons(self, api: Api) -> None:
        told = api.call("GET", "/openapi.json")

        assert told.json["servers"] == [{"url": api.url}]
        assert "/v1/documents/{document_id}" in told.json["paths"]
        assert b"x-amazon" not in told.body
        assert b"arn:" not in told.body
