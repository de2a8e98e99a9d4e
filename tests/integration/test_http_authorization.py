"""The HTTP API under the two ways of authorisation that look callers up: signed requests, and API keys."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from ragctl.deployment import Deployment
from tests.integration.conftest import ROOT, stack_of
from tests.integration.http_api import Answer, Api

BODY = b'{"query": "How many days?"}'
PAGE = "https://app.example.com"


def admit(stack: Deployment, caller: str) -> None:
    stack.client("dynamodb").put_item(
        TableName=stack.output("PrincipalsTableName"),
        Item={"caller": {"S": caller}, "tenant": {"S": "acme"}, "groups": {"S": "[]"}, "writer": {"BOOL": False}},
    )


@pytest.fixture(scope="module")
def signing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    data = tmp_path_factory.mktemp("signed")
    with stack_of(ROOT / "template.yaml", Path(data), {"ApiAuthorization": "IAM"}) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    data = tmp_path_factory.mktemp("keys")
    with stack_of(
        ROOT / "template.yaml", Path(data), {"ApiAuthorization": "API_KEY", "CorsOrigin": PAGE}
    ) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def key(keyed: Deployment) -> Any:
    gateway = keyed.client("apigateway")
    key = gateway.create_api_key(name="trial", enabled=True)
    gateway.create_usage_plan_key(usagePlanId=keyed.output("ApiUsagePlanId"), keyId=key["id"], keyType="API_KEY")
    return key


class TestSignedRequests:
    def test_a_known_user_is_answered(self, signing: Deployment) -> None:
        admit(signing, "user/123456789012/alice")

        assert signed(signing, "alice").status == 200

    def test_an_unknown_user_is_not(self, signing: Deployment) -> None:
        assert signed(signing, "mallory").problem == (403, "not-allowed")

    def test_another_secret_is_nobodys(self, signing: Deployment) -> None:
        admit(signing, "user/123456789012/alice")

        assert signed(signing, "alice", secret="guessed").status == 403

    def test_who_does_not_sign_is_nobody(self, signing: Deployment) -> None:
        assert Api.of(signing).call("POST", "/v1/answers", BODY).status == 403
        assert Api.of(signing).call("GET", "/v1/health").status == 403


def signed(stack: Deployment, key: str, secret: str = "local") -> Answer:
    api = Api.of(stack)
    kind = {"Content-Type": "application/json", "Host": api.url.removeprefix("http://")}
    request = AWSRequest("POST", f"{api.url}/v1/answers", data=BODY, headers=kind)
    SigV4Auth(Credentials(key, secret), "execute-api", "us-east-1").add_auth(request)
    return api.call("POST", "/v1/answers", BODY, dict(request.headers.items()))


class TestKeys:
    def test_a_key_of_the_usage_plan_that_has_a_tenant_is_answered(self, keyed: Deployment, key: Any) -> None:
        admit(keyed, f"key/{key['id']}")

        assert asked(keyed, key["value"]).status == 200

    def test_a_key_without_a_tenant_is_not(self, keyed: Deployment) -> None:
        gateway = keyed.client("apigateway")
        other = gateway.create_api_key(name="nobody's", enabled=True)
        plan = keyed.output("ApiUsagePlanId")
        gateway.create_usage_plan_key(usagePlanId=plan, keyId=other["id"], keyType="API_KEY")

        assert asked(keyed, other["value"]).problem == (403, "not-allowed")

    def test_a_key_of_no_usage_plan_is_none(self, keyed: Deployment) -> None:
        stray = keyed.client("apigateway").create_api_key(name="stray", enabled=True)
        admit(keyed, f"key/{stray['id']}")

        assert asked(keyed, stray["value"]).status == 403

    @pytest.mark.parametrize("value", ["", "x" * 40])
    def test_what_is_no_key_is_refused(self, keyed: Deployment, value: str) -> None:
        assert asked(keyed, value).status == 403


class TestPages:
    """A page of the allowed origin, as a browser has it call: it asks before, and reads what it is allowed to."""

    @pytest.mark.parametrize(("path", "status"), [("/v1/answers", 200), ("/v1/executions", 202), ("/v1/batches", 202)])
    def test_one_may_ask(self, keyed: Deployment, key: Any, path: str, status: int) -> None:
        admit(keyed, f"key/{key['id']}")
        body = BODY if path != "/v1/batches" else b'{"queries": ["How many days?"]}'
        assert lets_in(keyed, "POST", path, ["content-type", "idempotency-key", "x-api-key"])

        answer = from_page(keyed, "POST", path, body, {"X-Api-Key": key["value"]})

        assert (answer.status, answer.headers.get("access-control-allow-origin")) == (status, PAGE)

    def test_one_may_read_documents(self, keyed: Deployment, key: Any) -> None:
        admit(keyed, f"key/{key['id']}")
        assert lets_in(keyed, "GET", "/v1/documents", ["x-api-key"])

        answer = from_page(keyed, "GET", "/v1/documents", None, {"X-Api-Key": key["value"]})

        assert (answer.status, answer.headers.get("access-control-allow-origin")) == (200, PAGE)

    @pytest.mark.parametrize(
        ("path", "body", "kind", "status"),
        [
            ("/v1/answers", b"{}", "application/json", 400),
            ("/v1/answers", BODY, "text/plain", 415),
            ("/v1/executions", b"{}", "application/json", 400),
            ("/v1/executions", BODY, "text/plain", 415),
            ("/v1/documents", b'{"document_id": "a.md", "size": 1}', "application/json", 403),
            ("/v1/nothing", b"{}", "application/json", 404),
        ],
    )
    def test_one_is_told_what_is_wrong(
        self, keyed: Deployment, key: Any, path: str, body: bytes, kind: str, status: int
    ) -> None:
        admit(keyed, f"key/{key['id']}")

        answer = from_page(keyed, "POST", path, body, {"X-Api-Key": key["value"], "Content-Type": kind})

        assert (answer.problem[0], answer.headers.get("access-control-allow-origin")) == (status, PAGE)

    def test_one_without_a_key_is_told_so(self, keyed: Deployment) -> None:
        answer = from_page(keyed, "POST", "/v1/answers", BODY, {})

        assert (answer.status, answer.headers.get("access-control-allow-origin")) == (403, PAGE)

    @pytest.mark.parametrize("path", ["/v1/answers", "/v1/executions", "/v1/documents", "/v1/health", "/v1/nothing"])
    @pytest.mark.parametrize("method", ["OPTIONS", "GET", "POST"])
    def test_none_is_let_in_where_no_origin_is_allowed(self, signing: Deployment, method: str, path: str) -> None:
        answer = from_page(signing, method, path, BODY if method == "POST" else None, {})

        assert "access-control-allow-origin" not in answer.headers


def from_page(
    stack: Deployment, method: str, path: str, body: bytes | None, headers: dict[str, str], origin: str = PAGE
) -> Answer:
    page = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    return Api.of(stack).call(method, path, body, {**page, **headers})


def lets_in(stack: Deployment, method: str, path: str, headers: list[str]) -> bool:
    """Ask as a browser does, without credentials and content type; return whether it would then send the request."""
    wanted = {"Access-Control-Request-Method": method, "Access-Control-Request-Headers": ",".join(headers)}
    answer = from_page(stack, "OPTIONS", path, None, wanted)
    told = {name: {part.strip() for part in value.lower().split(",")} for name, value in answer.headers.items()}
    return (
        answer.status == 204
        and answer.headers.get("access-control-allow-origin") == PAGE
        and method.lower() in told["access-control-allow-methods"]
        and set(headers) <= told["access-control-allow-headers"]
    )


def asked(stack: Deployment, key: str) -> Answer:
    return Api.of(stack).call("POST", "/v1/answers", BODY, {"X-Api-Key": key})
