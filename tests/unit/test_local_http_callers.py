"""Who may call: tokens by an authorizer function, signatures, and API keys."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from ragctl.local.http import signatures
from ragctl.local.http.definition import operations
from ragctl.local.http.exchange import Exchange, Stage
from ragctl.local.http.gateway_responses import Refusal
from ragctl.local.http.messages import Headers, Request
from ragctl.local.http.policies import allows
from ragctl.local.http.token_authorizer import TokenAuthorizer
from ragctl.local.worker import InvocationResult

[OPERATION] = operations({"paths": {"/v1/a": {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}}})
ARN = "arn:aws:execute-api:us-east-1:123456789012:api1/api/GET/v1/a"


def exchange(*fields: tuple[str, str], body: bytes = b"", target: str = "/v1/a") -> Exchange:
    return Exchange(Request("GET", target, Headers(fields), body), Stage("api1", "api"), OPERATION, {})


def policy(effect: str, *resources: str, action: str = "execute-api:Invoke") -> dict[str, Any]:
    return {"Statement": [{"Effect": effect, "Action": action, "Resource": list(resources)}]}


class TestPolicies:
    @pytest.mark.parametrize(
        ("document", "allowed"),
        [
            (policy("Allow", ARN), True),
            (policy("Allow", "*"), True),
            (policy("Allow", "arn:aws:execute-api:*:*:api1/api/*"), True),
            (policy("Allow", "*", action="execute-api:*"), True),
            (policy("Allow", ARN.replace("v1/a", "v1/?")), True),
            (policy("Deny", "*"), False),
            (policy("Allow", ARN + "/b"), False),
            (policy("Allow", "*", action="s3:GetObject"), False),
            ({"Statement": []}, False),
            ({}, False),
            ({"Statement": [*policy("Allow", "*")["Statement"], *policy("Deny", ARN)["Statement"]]}, False),
        ],
    )
    def test_a_method_is_allowed_by_a_statement_and_denied_by_none(self, document: Any, allowed: bool) -> None:
        assert allows(document, ARN) is allowed


class Function:
    """An authorizer function that answers the same to everybody, and counts."""

    def __init__(self, answer: Any, error: str | None = None) -> None:
        self.result = InvocationResult(json.dumps(answer).encode(), error)
        self.asked: list[Any] = []

    def __call__(self, _arn: str, event: bytes) -> InvocationResult:
        self.asked.append(json.loads(event))
        return self.result


def authorizer(function: Function, clock: Any = lambda: 0.0, **settings: Any) -> TokenAuthorizer:
    scheme = {
        "name": "Authorization",
        "x-amazon-apigateway-authorizer": {
            "type": "token",
            "authorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:f/invocations",
            "identityValidationExpression": "^Bearer [a-z]+$",
            **settings,
        },
    }
    return TokenAuthorizer(scheme, function, clock)


def refused(authorize: Any, *fields: tuple[str, str]) -> str:
    with pytest.raises(Refusal) as refusal:
        authorize(exchange(*fields))
    return refusal.value.type


GOOD = ("authorization", "Bearer good")
ALLOWED = {"principalId": "u", "policyDocument": policy("Allow", "*")}


class TestTokenAuthorizers:
    def test_the_functions_context_is_told_as_strings(self) -> None:
        function = Function({**ALLOWED, "context": {"tenant": "t", "writer": True, "n": 7, "none": None}})
        passing = exchange(GOOD)

        authorizer(function)(passing)

        assert passing.authorizer == {"principalId": "u", "tenant": "t", "writer": "true", "n": "7"}
        assert function.asked == [{"type": "TOKEN", "methodArn": ARN, "authorizationToken": "Bearer good"}]

    def test_an_answer_is_remembered_until_it_expires(self) -> None:
        now, function = [0.0], Function(ALLOWED)
        authorize = authorizer(function, lambda: now[0], authorizerResultTtlInSeconds=300)

        for now[0] in (0.0, 299.0, 301.0):
            authorize(exchange(GOOD))

        assert len(function.asked) == 2

    def test_nothing_is_remembered_without_time_to_live(self) -> None:
        function = Function(ALLOWED)
        authorize = authorizer(function, authorizerResultTtlInSeconds=0)

        authorize(exchange(GOOD))
        authorize(exchange(GOOD))

        assert len(function.asked) == 2

    @pytest.mark.parametrize("token", [None, "", "Bearer 1", "bearer good", "Bearer good\n"])
    def test_a_token_that_does_not_fit_never_reaches_the_function(self, token: str | None) -> None:
        function = Function(ALLOWED)

        assert refused(authorizer(function), *([] if token is None else [("Authorization", token)])) == "UNAUTHORIZED"
        assert function.asked == []

    @pytest.mark.parametrize(
        ("answer", "error", "kind"),
        [
            ({"errorMessage": "Unauthorized"}, "Unhandled", "UNAUTHORIZED"),
            ({"errorMessage": "something else"}, "Unhandled", "AUTHORIZER_FAILURE"),
            ({"principalId": "u", "policyDocument": policy("Deny", "*")}, None, "ACCESS_DENIED"),
            ({"principalId": "u"}, None, "AUTHORIZER_CONFIGURATION_ERROR"),
            ({"policyDocument": policy("Allow", "*")}, None, "AUTHORIZER_CONFIGURATION_ERROR"),
            ({**ALLOWED, "context": {"groups": ["a"]}}, None, "AUTHORIZER_CONFIGURATION_ERROR"),
            (None, None, "AUTHORIZER_CONFIGURATION_ERROR"),
        ],
    )
    def test_whatever_is_no_leave_is_a_refusal(self, answer: Any, error: str | None, kind: str) -> None:
        assert refused(authorizer(Function(answer, error)), GOOD) == kind

    @pytest.mark.parametrize(("answer", "error"), [({"errorMessage": "else"}, "Unhandled"), (None, None)])
    def test_each_refusal_is_its_own_so_that_none_keeps_earlier_requests(self, answer: Any, error: str | None) -> None:
        authorize = authorizer(Function(answer, error), authorizerResultTtlInSeconds=0)
        refusals = list[Refusal]()
        for _ in range(2):
            with pytest.raises(Refusal) as refusal:
                authorize(exchange(GOOD))
            refusals.append(refusal.value)
        assert refusals[0] is not refusals[1]

    def test_a_refusal_passes_through_a_context_manager(self) -> None:
        @contextmanager
        def passing() -> Iterator[None]:
            yield

        with pytest.raises(Refusal), passing():
            raise Refusal("UNAUTHORIZED", "Unauthorized")


def signed(secret: str = "local", service: str = "execute-api", **changed: Any) -> Exchange:
    """Return a request that botocore has signed, and that somebody may have changed since."""
    target, body = changed.pop("signing", "/v1/a%20b?y=2&x=%C3%A9"), b'{"query": "a"}'
    request = AWSRequest("GET", f"http://127.0.0.1:3000{target}", data=body, headers={"Host": "127.0.0.1:3000"})
    SigV4Auth(Credentials("alice", secret), service, "eu-west-1").add_auth(request)
    fields = {**dict(request.headers.items()), **changed.pop("headers", {})}
    return exchange(*fields.items(), **{"target": target, "body": body, **changed})


class TestSignatures:
    def test_a_signed_request_is_its_users(self) -> None:
        passing = signed()

        signatures.authenticate(passing)

        assert passing.identity["userArn"] == "arn:aws:iam::123456789012:user/alice"
        assert passing.identity["accessKey"] == "alice"

    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param(lambda: signed("stolen"), id="another secret"),
            pytest.param(lambda: signed(service="s3"), id="another service"),
            pytest.param(lambda: signed(body=b"other"), id="another body"),
            pytest.param(lambda: signed(target="/v1/b"), id="another path"),
            pytest.param(lambda: signed(headers={"Host": "localhost"}), id="another host"),
            pytest.param(lambda: signed(headers={"X-Amz-Date": _stamp(minutes=-6)}), id="another time"),
        ],
    )
    def test_what_was_signed_otherwise_is_refused(self, sent: Any) -> None:
        with pytest.raises(Refusal) as refusal:
            signatures.authenticate(sent())

        assert refusal.value.type == "INVALID_SIGNATURE"

    @pytest.mark.parametrize(
        "sent",
        ["prefix=a/b+c&limit=2&next", "limit=2&next=&prefix=a%2fb%20c", "next=&&prefix=%61%2Fb%20c&limit=2"],
        ids=["as one writes it", "in order", "encoded more than it must be"],
    )
    def test_a_query_is_signed_in_one_form_however_it_is_sent(self, sent: str) -> None:
        target = "/v1/a?limit=2&next=&prefix=a%2Fb%20c"

        signatures.authenticate(signed(signing=target, target=f"/v1/a?{sent}"))

    @pytest.mark.parametrize("query", ["prefix=a/b", "prefix=a:b", "prefix=a+b", "prefix=%c3%a9"])
    def test_a_query_that_was_signed_in_another_form_is_refused_as_in_aws(self, query: str) -> None:
        """Before its version 8.3, curl signs what it sends as it stands."""
        with pytest.raises(Refusal):
            signatures.authenticate(signed(signing=f"/v1/a?{query}", target=f"/v1/a?{query}"))

    @given(st.text(st.characters(codec="latin-1")))
    def test_what_is_no_signature_is_a_missing_one(self, text: str) -> None:
        with pytest.raises(Refusal) as refusal:
            signatures.authenticate(exchange(("Authorization", text)))

        assert refusal.value.type == "MISSING_AUTHENTICATION_TOKEN"


def _stamp(minutes: int) -> str:
    return f"{datetime.now(UTC) + timedelta(minutes=minutes):%Y%m%dT%H%M%SZ}"
