"""Requests out of API Gateway's events and responses into what it takes."""

import base64
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.errors import InvalidRequest, NotAllowed, RagError, TooLarge, UnsupportedMediaType, UpstreamThrottled
from rag.http.exchange import MAX_BODY_BYTES, HttpRequest, HttpResponse, problem_response
from tests.fakes.proxy_events import event, request


def test_a_body_is_a_json_object() -> None:
    assert request({"query": "é"}).json_object() == {"query": "é"}


def test_a_body_may_come_in_base64() -> None:
    encoded = base64.b64encode(b'{"a": 1}').decode()
    assert HttpRequest.of(event(encoded) | {"isBase64Encoded": True}).json_object() == {"a": 1}


def test_what_is_said_to_be_base64_and_is_not_is_refused() -> None:
    with pytest.raises(InvalidRequest):
        HttpRequest.of(event("{}") | {"isBase64Encoded": True})


@pytest.mark.parametrize(
    "body",
    [None, "", "[]", "null", "{", '{"a": NaN}', "[" * 100_000, '{"a": "\\ud800"}', '"x"', "{} {}", '{"a": 1e999}'],
)
def test_what_is_no_json_object_is_refused(body: Any) -> None:
    with pytest.raises(InvalidRequest, match="JSON object"):
        request(body).json_object()


@pytest.mark.parametrize("character", ["x", "é", "😀"])
def test_a_body_is_measured_in_bytes(character: str) -> None:
    room = MAX_BODY_BYTES - len(b'{"q":""}')
    fitting = character * (room // len(character.encode()))
    assert request(f'{{"q":"{fitting}"}}').json_object() == {"q": fitting}
    with pytest.raises(TooLarge):
        request(f'{{"q":"{fitting + character}"}}').json_object()


@pytest.mark.parametrize("kind", ["", " ", "application/json", "Application/JSON; charset=utf-8", ";charset=utf-8"])
def test_a_body_of_json_or_of_no_type_is_json(kind: str) -> None:
    assert request({"a": 1}, headers={"content-TYPE": kind}).json_object() == {"a": 1}


@pytest.mark.parametrize("kind", ["text/plain", "application/xml", "application/jsonx", "json", "text/json, a", "é"])
@pytest.mark.parametrize("body", ['{"a": 1}', "", "x" * (MAX_BODY_BYTES + 1)])
def test_a_body_of_another_type_is_refused(kind: str, body: str) -> None:
    with pytest.raises(UnsupportedMediaType):
        request(body, headers={"Content-Type": kind}).json_object()


@given(st.text(min_size=1))
@example("100%")
@example("100%25")
@example("a%2Fb/c+d e")
def test_a_document_s_id_is_the_same_whether_api_gateway_decoded_it_or_not(name: str) -> None:
    path = f"/v1/documents/{quote(name)}"
    for given_name in (quote(name), name):
        parsed = HttpRequest.of({"path": path, "pathParameters": {"document_id": given_name}})
        assert parsed.path_parameter("document_id") == name


@pytest.mark.parametrize("encoded", ["", "%FF", "a%C3"])
def test_an_id_that_is_no_utf_8_is_refused(encoded: str) -> None:
    parsed = HttpRequest.of({"path": f"/v1/documents/{encoded}", "pathParameters": {"document_id": encoded}})
    with pytest.raises(InvalidRequest):
        parsed.path_parameter("document_id")


def test_an_event_without_anything_is_a_request_without_anything() -> None:
    empty = dict.fromkeys(("headers", "queryStringParameters", "pathParameters", "requestContext", "path", "body"))
    parsed = HttpRequest.of(empty)
    assert (parsed.body, parsed.query, parsed.headers, parsed.context) == (b"", {}, {}, {})


@pytest.mark.parametrize("broken", [{"headers": {"content-type": None}}, {"headers": {"a": ["b"]}}, {"body": ["{}"]}])
def test_an_event_of_other_types_than_api_gateway_sends_is_refused(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        HttpRequest.of({"body": "{}", **broken})


def test_headers_are_known_however_they_are_written() -> None:
    assert request(headers={"Idempotency-KEY": "k"}).headers == {"idempotency-key": "k"}


def test_a_response_is_closed_to_other_origins_unless_one_is_allowed() -> None:
    response = HttpResponse(200, {"a": "é"})
    assert "Access-Control-Allow-Origin" not in response.to_proxy()["headers"]
    assert response.to_proxy("https://app.example")["headers"]["Access-Control-Allow-Origin"] == "https://app.example"
    assert json.loads(response.to_proxy()["body"]) == {"a": "é"}


@pytest.mark.parametrize(
    ("error", "status", "detail", "retry_after"),
    [
        (InvalidRequest("top_k must be an integer."), 400, "top_k must be an integer.", None),
        (NotAllowed("a secret"), 403, "The caller may not do this.", None),
        (
            UpstreamThrottled("arn:aws:dynamodb"),
            503,
            "A service that this one needs cannot take the request now. Try again in a moment.",
            "2",
        ),
        (RagError("a secret"), 500, None, None),
    ],
)
def test_only_a_refused_request_is_told_more_than_a_fixed_sentence(
    error: RagError, status: int, detail: str | None, retry_after: str | None
) -> None:
    response = problem_response(error, "r-1")
    assert (response.status, response.body["status"], response.body["trace_id"]) == (status, status, "r-1")
    assert response.headers.get("Retry-After") == retry_after
    assert detail in (None, response.body["detail"])
    assert "secret" not in json.dumps(dict(response.body))
    assert "arn" not in json.dumps(dict(response.body))
