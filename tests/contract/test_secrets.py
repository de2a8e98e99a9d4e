"""The Credential port on Secrets Manager as moto serves it, through Powertools."""

from typing import Any

import boto3
import pytest
from aws_lambda_powertools.utilities.parameters import SecretsProvider
from botocore.config import Config
from botocore.exceptions import ClientError, EndpointConnectionError

from rag import errors
from rag.adapters.secrets import Secret
from tests.fakes import faulty_http as faults

NAME = "stack/openai"


@pytest.fixture
def client(mocked_aws: None) -> Any:
    return boto3.client("secretsmanager")


def secret(client: Any) -> Secret:
    return Secret(NAME, SecretsProvider(boto3_client=client))


def test_white_space_around_a_key_is_dropped(client: Any) -> None:
    client.create_secret(Name=NAME, SecretString=" sk-1\n")
    assert secret(client)() == "sk-1"


def test_a_key_is_cached_until_it_is_asked_for_afresh(client: Any) -> None:
    client.create_secret(Name=NAME, SecretString="sk-1")
    credential = secret(client)
    assert credential() == "sk-1"
    client.put_secret_value(SecretId=NAME, SecretString="sk-2")
    assert credential() == "sk-1"
    assert credential(fresh=True) == "sk-2"
    assert credential() == "sk-2"


@pytest.mark.parametrize(
    "value", ["   ", '{"key": "sk-canary"}', '"sk-canary"', "two words", "sk-\x07", "sk-ü", "a\nb"]
)
def test_a_malformed_secret_is_named_and_not_shown(client: Any, value: str) -> None:
    client.create_secret(Name=NAME, SecretString=value)
    with pytest.raises(errors.SecretUnavailable, match=NAME) as caught:
        secret(client)()
    assert "canary" not in str(caught.value)
    assert "put-secret-value" in str(caught.value)


def test_a_binary_secret_is_malformed(client: Any) -> None:
    client.create_secret(Name=NAME, SecretBinary=b"sk-canary")
    with pytest.raises(errors.SecretUnavailable, match=f"{NAME} is binary, not plain text"):
        secret(client)()


def test_a_missing_secret_is_named(client: Any) -> None:
    with pytest.raises(errors.SecretUnavailable, match=f"{NAME} has no value"):
        secret(client)()


def test_a_secret_that_nobody_filled_is_named(client: Any) -> None:
    client.create_secret(Name=NAME)
    with pytest.raises(errors.SecretUnavailable, match=NAME):
        secret(client)()


class Failing:
    """A client that cannot read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_secret_value(self, **_: Any) -> Any:
        raise self._error


def _refusal(code: str, status: int) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": "m"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "GetSecretValue")


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (_refusal("ThrottlingException", 400), errors.UpstreamThrottled),
        (_refusal("InternalServiceError", 500), errors.UpstreamUnavailable),
        (_refusal("AccessDeniedException", 400), errors.SecretUnavailable),
        (EndpointConnectionError(endpoint_url="https://x"), errors.UpstreamUnavailable),
    ],
)
def test_what_goes_wrong_is_one_of_our_errors(failure: Exception, error: type[errors.RagError]) -> None:
    with pytest.raises(error):
        secret(Failing(failure))()


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"null", b"\xff", b"{nonsense", b"<html>It works!</html>", b"[" * 100_000]
)
def test_an_answer_that_is_none_of_secrets_managers_is_worth_another_attempt(body: bytes) -> None:
    with faults.FaultyServer(lambda _: faults.Response(500)) as server:
        server.next(faults.answer(200, body, {"Content-Type": "application/x-amz-json-1.1"}))
        client = boto3.client(
            "secretsmanager",
            endpoint_url=server.url,
            region_name="us-east-1",
            aws_access_key_id="x",
            aws_secret_access_key="x",
            config=Config(retries={"total_max_attempts": 1}),
        )
        with pytest.raises(errors.UpstreamUnavailable):
            secret(client)()
