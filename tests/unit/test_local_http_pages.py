"""What the API's address serves beside the API, and to whom."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest

from ragctl.local.http.access_log import AccessLog
from ragctl.local.http.exchange import Stage
from ragctl.local.http.issuer import Claims, Issuer
from ragctl.local.http.messages import Headers, Request, Response
from ragctl.local.http.origins import is_addressed_here, is_own
from ragctl.local.http.public_document import public_document
from ragctl.local.http.server import Site
from ragctl.local.worker import InvocationResult

URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:f/invocations"
DOCUMENT: Any = {
    "openapi": "3.0.1",
    "paths": {
        "/v1/things/{id+}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True}],
                "security": [{"caller": []}],
                "x-amazon-apigateway-integration": {"type": "aws_proxy", "uri": URI},
            }
        }
    },
    "components": {
        "securitySchemes": {
            "caller": {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "custom",
                "x-amazon-apigateway-authorizer": {"type": "token", "authorizerUri": URI},
            }
        }
    },
}


def invoke(_arn: str, event: bytes) -> InvocationResult:
    """Let everybody pass, and answer with the credentials that were sent."""
    seen = json.loads(event)
    if seen.get("type") == "TOKEN":
        statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
        return InvocationResult(json.dumps({"principalId": "u", "policyDocument": {"Statement": [statement]}}).encode())
    return InvocationResult(json.dumps({"statusCode": 200, "body": seen["headers"]["Authorization"]}).encode())


def get(path: str, *fields: tuple[str, str], host: str = "127.0.0.1:3000") -> Request:
    return Request("GET", path, Headers([("Host", host), *fields]))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def answer(place: Path) -> Iterator[Any]:
    issuer = Issuer.of(place, "http://127.0.0.1:3000")
    site = Site(DOCUMENT, Stage("api1", "api"), "http://127.0.0.1:9", invoke, issuer, issuer)
    log = AccessLog(place / "api.log")
    yield site.logged(log)
    log.close()


class TestOrigins:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:3000", "localhost:3000", "LOCALHOST", "[::1]:3000"])
    def test_names_of_this_machine_are_taken(self, host: str) -> None:
        assert is_addressed_here(get("/", host=host))

    @pytest.mark.parametrize(
        "host", ["example.com", "127.0.0.1.example.com", "localhost@example.com", "", "[::1", "0.0.0.0"]
    )
    def test_other_names_are_not(self, host: str) -> None:
        assert not is_addressed_here(get("/", host=host))

    def test_two_names_are_none(self) -> None:
        assert not is_addressed_here(get("/", ("Host", "example.com")))

    @pytest.mark.parametrize(
        ("fields", "own"),
        [
            ([], True),
            ([("Origin", "http://127.0.0.1:3000"), ("Sec-Fetch-Site", "same-origin")], True),
            ([("Sec-Fetch-Site", "none")], True),
            ([("Origin", "http://127.0.0.1:8000"), ("Sec-Fetch-Site", "same-site")], False),
            ([("Origin", "null")], False),
            ([("Sec-Fetch-Site", "cross-site")], False),
        ],
    )
    def test_a_request_is_own_unless_another_page_sent_it(self, fields: list[tuple[str, str]], own: bool) -> None:
        assert is_own(get("/", *fields)) is own


class TestSite:
    def test_who_brings_no_token_gets_one(self, answer: Any) -> None:
        assert answer(get("/v1/things/a")).body.startswith(b"Bearer ey")

    def test_it_is_nobodys_that_rag_token_signs_for(self, answer: Any) -> None:
        token = answer(get("/v1/things/a")).body.decode().removeprefix("Bearer ")
        subject = jwt.decode(token, options={"verify_signature": False})["sub"]
        assert subject == "anonymous"
        assert subject != Claims().subject

    def test_a_token_that_is_brought_is_left_alone(self, answer: Any) -> None:
        assert answer(get("/v1/things/a", ("Authorization", "mine"))).body == b"mine"

    def test_a_page_of_another_origin_gets_none(self, answer: Any) -> None:
        assert answer(get("/v1/things/a", ("Origin", "https://example.com"))).status == 401

    def test_another_name_is_refused_even_for_the_documentation(self, answer: Any) -> None:
        assert answer(get("/docs", host="example.com")).status == 403

    def test_the_documentation_may_load_nothing_from_elsewhere(self, answer: Any) -> None:
        page: Response = answer(get("/docs"))

        assert page.status == 200
        assert "default-src 'self'" in str(page.headers.get("Content-Security-Policy"))

    def test_a_log_line_says_nothing_of_the_request(self, answer: Any, place: Path) -> None:
        answer(
            Request("SECRET", "/secret?secret", Headers([("Host", "localhost"), ("X", "secret\nforged")]), b"secret")
        )
        answer(get("/v1/things/secret?a=secret"))

        unknown, known = map(json.loads, (place / "api.log").read_text().splitlines()[-2:])
        assert (unknown["method"], unknown["resource"], unknown["status"]) == ("-", "-", 403)
        assert (known["method"], known["resource"], known["status"]) == ("GET", "/v1/things/{id+}", 200)
        assert "secret" not in (place / "api.log").read_text().lower()


def test_the_public_document_is_without_amazons_extensions_and_greedy_paths() -> None:
    told = public_document(DOCUMENT, "http://127.0.0.1:3000")

    assert list(told["paths"]) == ["/v1/things/{id}"]
    assert told["servers"] == [{"url": "http://127.0.0.1:3000"}]
    assert "x-amazon" not in json.dumps(told)


def test_the_public_document_keeps_the_order_of_its_file() -> None:
    paths = ["/v1/things", "/v1/answers", "/v1/health"]

    told = public_document({**DOCUMENT, "paths": {path: {} for path in paths}}, "http://127.0.0.1:3000")

    assert list(told["paths"]) == paths


def test_the_public_document_says_that_requests_are_signed() -> None:
    signed = {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"}
    document = {**DOCUMENT, "components": {"securitySchemes": {"caller": signed}}}

    told = public_document(document, "http://127.0.0.1:3000")["components"]["securitySchemes"]["caller"]

    assert told["x-signature-version"] == 4
    assert "x-signature-version" not in json.dumps(public_document(DOCUMENT, "http://127.0.0.1:3000"))
