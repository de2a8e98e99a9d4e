"""One small API executed: routes, integrations, and what the gateway itself answers."""

import json
from typing import Any

import pytest

from ragctl.local.http.definition import DefinitionError
from ragctl.local.http.exchange import Stage
from ragctl.local.http.gateway import Gateway
from ragctl.local.http.messages import Headers, Request, Response
from ragctl.local.worker import InvocationResult
from ragctl.local.workers import RequestTooLargeError

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:echo:live"
PROXY = {
    "type": "aws_proxy",
    "uri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations",
}
PROBLEM = '{"status": $context.error.responseType, "detail": $context.error.messageString, "id": "$context.requestId"}'


def mock(response_template: str, **response: Any) -> dict[str, Any]:
    return {
        "type": "mock",
        "passthroughBehavior": "never",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {
            "default": {"statusCode": "200", "responseTemplates": {"application/json": response_template}, **response}
        },
    }


def document(**integrations: Any) -> dict[str, Any]:
    return {
        "paths": {
            f"/{name}": {"post": {"x-amazon-apigateway-integration": integration}}
            for name, integration in integrations.items()
        },
        "x-amazon-apigateway-gateway-responses": {
            "DEFAULT_4XX": {
                "responseParameters": {
                    "gatewayresponse.header.X-Type": "context.error.responseType",
                    "gatewayresponse.header.X-Static": "'yes'",
                },
                "responseTemplates": {"application/problem+json": PROBLEM.replace("$context.error.responseType", "4")},
            },
            "UNSUPPORTED_MEDIA_TYPE": {"statusCode": "499", "responseTemplates": {"application/json": "{}"}},
        },
    }


def gateway(answer: Any = None, **integrations: Any) -> Gateway:
    def invoke(_arn: str, event: bytes) -> InvocationResult:
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, InvocationResult) else InvocationResult(json.dumps(answer(event)).encode())

    return Gateway(document(**integrations), Stage("api1", "api", {"colour": "red"}), "http://127.0.0.1:9", invoke)


def post(to: Gateway, path: str, body: bytes = b"{}", *fields: tuple[str, str], oversized: bool = False) -> Response:
    return to(Request("POST", path, Headers(fields), body, oversized=oversized), "id-1")


def echo(event: bytes) -> dict[str, Any]:
    return {"statusCode": 201, "headers": {"X-Seen": "1"}, "body": event.decode()}


class TestProxies:
    def test_a_function_sees_the_request_as_it_was(self) -> None:
        to = gateway(echo, **{"v1/{name+}": PROXY})

        response = post(to, "/v1/a%20b/c?x=1&x=2&y=%C3%A9", '{"ü": 1}'.encode(), ("X-A", "1"), ("x-a", "2"))

        event = json.loads(response.body)
        assert response.status == 201
        assert event["resource"] == "/v1/{name+}"
        assert event["path"] == "/v1/a%20b/c"
        assert event["pathParameters"] == {"name": "a b/c"}
        assert event["queryStringParameters"] == {"x": "2", "y": "é"}
        assert event["multiValueQueryStringParameters"] == {"x": ["1", "2"], "y": ["é"]}
        assert event["multiValueHeaders"] == {"X-A": ["1"], "x-a": ["2"]}
        assert (event["body"], event["isBase64Encoded"]) == ('{"ü": 1}', False)
        assert event["stageVariables"] == {"colour": "red"}
        assert event["requestContext"]["requestId"] == "id-1"
        assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"

    def test_its_answer_is_the_response(self) -> None:
        answer = {
            "statusCode": "202",
            "headers": {"Location": "/x", "Set-Cookie": "lost"},
            "multiValueHeaders": {"set-cookie": ["a=1", "b=2"]},
            "body": "AAE=",
            "isBase64Encoded": True,
        }
        response = post(gateway(lambda _: answer, a=PROXY), "/a")

        assert (response.status, response.body) == (202, b"\x00\x01")
        assert response.headers.all("Set-Cookie") == ["a=1", "b=2"]
        assert response.headers.get("Location") == "/x"

    @pytest.mark.parametrize(
        "answer",
        [
            pytest.param(None, id="nothing"),
            pytest.param("text", id="text"),
            pytest.param({}, id="no status"),
            pytest.param({"statusCode": True}, id="a truth as status"),
            pytest.param({"statusCode": 99}, id="an impossible status"),
            pytest.param({"statusCode": 200, "body": {"a": 1}}, id="an object as body"),
            pytest.param({"statusCode": 200, "body": "é", "isBase64Encoded": True}, id="no base64"),
            pytest.param({"statusCode": 200, "surplus": 1}, id="a surplus member"),
            pytest.param({"statusCode": 200, "headers": {"A": "b\r\nSet-Cookie: c"}}, id="a second header in a header"),
            pytest.param({"statusCode": 200, "headers": {"A b": "c"}}, id="a blank in a header's name"),
            pytest.param({"statusCode": 200, "headers": {"A": ["b"]}}, id="a list as a header"),
        ],
    )
    def test_what_is_no_response_is_a_bad_gateway(self, answer: Any) -> None:
        response = post(gateway(lambda _: answer, a=PROXY), "/a")

        assert response.status == 502
        assert json.loads(response.body) == {"message": "Internal server error"}

    def test_a_failed_function_is_a_bad_gateway_and_its_error_stays_inside(self) -> None:
        failed = InvocationResult(b'{"errorMessage": "secret"}', "Unhandled")

        response = post(gateway(failed, a=PROXY), "/a")

        assert response.status == 502
        assert b"secret" not in response.body

    def test_an_event_beyond_six_megabytes_is_too_large(self) -> None:
        assert post(gateway(RequestTooLargeError("6 MB"), a=PROXY), "/a").status == 413


class TestMocks:
    def test_a_template_writes_the_response(self) -> None:
        to = gateway(a=mock('{"stage": "$context.stage", "colour": "$stageVariables.colour"}'))

        response = post(to, "/a")

        assert (response.status, json.loads(response.body)) == (200, {"stage": "api", "colour": "red"})
        assert response.headers.get("Content-Type") == "application/json"

    def test_a_template_overrides_status_and_headers(self) -> None:
        override = (
            "#set($context.responseOverride.status = 404)"
            '#set($context.responseOverride.header.Content-Type = "application/problem+json"){}'
        )

        response = post(gateway(a=mock(override)), "/a")

        assert response.status == 404
        assert response.headers.all("Content-Type") == ["application/problem+json"]

    def test_a_second_override_of_the_same_fails_as_in_aws(self) -> None:
        twice = "#set($context.responseOverride.status = 404)#set($context.responseOverride.status = 400){}"

        assert post(gateway(a=mock(twice)), "/a").status == 500

    def test_headers_come_from_mappings(self) -> None:
        mapped = {
            "responseParameters": {
                "method.response.header.X-Id": "context.requestId",
                "method.response.header.X-From": "method.request.header.origin",
                "method.response.header.X-None": "method.request.header.nothing",
            }
        }

        response = post(gateway(a=mock("{}", **mapped)), "/a", b"{}", ("Origin", "o"))

        assert response.headers.get("X-Id") == "id-1"
        assert response.headers.get("X-From") == "o"
        assert response.headers.get("X-None") is None

    def test_another_content_type_is_not_passed_through(self) -> None:
        assert post(gateway(a=mock("{}")), "/a", b"", ("Content-Type", "text/plain")).status == 499


class TestRefusals:
    def test_no_such_path_looks_like_a_missing_token(self) -> None:
        response = post(gateway(a=mock("{}")), "/b")

        assert response.status == 403
        assert response.headers.get("X-Type") == "MISSING_AUTHENTICATION_TOKEN"
        assert response.headers.get("X-Static") == "yes"
        assert response.headers.get("Content-Type") == "application/problem+json"
        assert json.loads(response.body) == {"status": 4, "detail": "Missing Authentication Token", "id": "id-1"}

    def test_an_oversized_body_is_refused_before_all_else(self) -> None:
        assert post(gateway(a=mock("{}")), "/b", oversized=True).status == 413

    def test_a_service_that_does_not_answer_is_a_gateway_timeout(self) -> None:
        action = {"type": "aws", "uri": "arn:aws:apigateway:us-east-1:states:action/StartSyncExecution"}

        assert post(gateway(a=action), "/a").status == 504

    def test_an_integration_that_is_not_done_here_is_refused_at_once(self) -> None:
        with pytest.raises(DefinitionError, match="POST /a"):
            gateway(a={"type": "http_proxy", "uri": "https://example.com"})
