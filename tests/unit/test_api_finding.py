"""The way to a deployment's API: what each authorisation wants, and what it will not take."""

import pytest
from moto import mock_aws

from ragctl.api.finding import client_of
from ragctl.api.hinting import hinted
from ragctl.api.problems import ApiProblemError, Problem
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from tests.fakes.faulty_http import FaultyServer, Request, Response


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RAG_API_TOKEN", "RAG_API_KEY", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKID")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def deployed(authorisation: str, url: str = "http://127.0.0.1:1", endpoint: str | None = None) -> Deployment:
    deployment = Deployment("prod", endpoint)
    vars(deployment)["outputs"] = {"ApiUrl": url, "ApiAuthorization": authorisation}
    return deployment


def asked(authorisation: str, token: str | None = None, endpoint: str | None = None) -> Request:
    """Return what such an API is asked for its health."""
    with FaultyServer(lambda _: Response.of_json({"status": "ok"})) as server:
        with client_of(deployed(authorisation, server.url, endpoint), token=token) as client:
            client.health()
        (request,) = server.requests
    return request


def test_iam_is_signed_with_the_credentials_and_region_of_the_session() -> None:
    assert "Credential=AKID/" in (signature := asked("IAM").headers["authorization"])
    assert "/eu-central-1/execute-api/" in signature


@pytest.mark.parametrize("authorisation", ["JWT", "COGNITO"])
def test_tokens_come_from_an_option_or_its_variable(authorisation: str) -> None:
    assert asked(authorisation, token="a.b.c").headers["authorization"] == "Bearer a.b.c"


def test_keys_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_KEY", "a-key")

    assert asked("API_KEY").headers["x-api-key"] == "a-key"


def test_the_local_api_needs_no_token() -> None:
    assert "authorization" not in asked("JWT", endpoint="http://127.0.0.1:2").headers


@pytest.mark.parametrize(("authorisation", "variable"), [("JWT", "RAG_API_TOKEN"), ("API_KEY", "RAG_API_KEY")])
def test_what_is_missing_is_named(authorisation: str, variable: str) -> None:
    with pytest.raises(Failure, match=f"set {variable}"):
        client_of(deployed(authorisation))


@pytest.mark.parametrize("authorisation", ["IAM", "COGNITO", "JWT", "API_KEY"])
def test_nobody_names_a_tenant_or_groups_in_a_deployment(authorisation: str) -> None:
    with pytest.raises(Failure, match="come from the credentials alone"):
        client_of(deployed(authorisation), token="a.b.c", tenant="acme")
    with pytest.raises(Failure, match="come from the credentials alone"):
        client_of(deployed(authorisation), token="a.b.c", groups=["hr"])


def test_a_token_and_a_tenant_exclude_each_other() -> None:
    with pytest.raises(Failure, match="names tenant and groups itself"):
        client_of(deployed("JWT", endpoint="http://127.0.0.1:2"), token="a.b.c", tenant="acme")


def test_a_tenant_that_is_no_name_is_told_before_anything_is_asked() -> None:
    with pytest.raises(Failure, match="tenant must be"):
        client_of(deployed("JWT", endpoint="http://127.0.0.1:2"), tenant="No Name")


def refused(status: int, authorisation: str, endpoint: str | None = None) -> str:
    """Return what is told of a refusal with that status."""
    problem = Problem(type="urn:serverless-rag:x", title="Refused", status=status, detail="No.")
    with mock_aws(), pytest.raises(Failure) as caught, hinted(deployed(authorisation, endpoint=endpoint)):
        raise ApiProblemError(problem)
    return str(caught.value)


def test_a_stranger_to_an_api_by_iam_is_told_its_arn_and_the_way_in() -> None:
    told = refused(403, "IAM")

    assert "signed as arn:aws:sts::123456789012:user/moto" in told
    assert "rag principals set arn:aws:sts::123456789012:user/moto --tenant TENANT --stack prod" in told


def test_a_stranger_to_the_local_api_is_the_user_local() -> None:
    told = refused(403, "IAM", endpoint="http://127.0.0.1:2")

    assert "rag principals set arn:aws:iam::123456789012:user/local --tenant TENANT" in told
    assert "--stack" not in told


@pytest.mark.parametrize(("status", "authorisation"), [(404, "IAM"), (403, "JWT"), (403, "API_KEY")])
def test_other_refusals_are_told_as_they_are(status: int, authorisation: str) -> None:
    assert refused(status, authorisation) == f"Refused ({status}): No."
