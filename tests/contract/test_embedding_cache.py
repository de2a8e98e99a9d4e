"""One contract for the EmbeddingCache port: the fake, and DynamoDB as moto serves it."""

from array import array
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from moto import mock_aws

from rag.adapters.dynamodb_cache import DynamoEmbeddingCache
from rag.ports import EmbeddingCache
from rag.vectors import to_bytes
from tests.fakes.memory_cache import MemoryCache

TABLE = "cache"
NOW = 1_800_000_000.0
DAY = 86_400


def unit(index: int = 0) -> "array[float]":
    return array("f", [float(position == index) for position in range(4)])


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(
            TableName=TABLE,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        yield dynamodb


@pytest.fixture(params=["memory", "dynamodb"])
def cache(request: pytest.FixtureRequest) -> EmbeddingCache:
    if request.param == "memory":
        return MemoryCache()
    return DynamoEmbeddingCache(TABLE, 30, client=request.getfixturevalue("client"), clock=lambda: NOW)


def test_what_is_put_is_got(cache: EmbeddingCache) -> None:
    cache.put({"a": unit(0), "b": unit(1)})
    assert cache.get(["b", "a", "missing"]) == {"a": unit(0), "b": unit(1)}


def test_nothing_is_got_for_nothing(cache: EmbeddingCache) -> None:
    cache.put({})
    assert cache.get([]) == {}


def test_what_is_put_again_is_replaced(cache: EmbeddingCache) -> None:
    cache.put({"a": unit(0)})
    cache.put({"a": unit(2)})
    assert cache.get(["a"]) == {"a": unit(2)}


def test_more_than_a_request_may_carry(cache: EmbeddingCache) -> None:
    many = {f"key-{number}": unit(number % 4) for number in range(230)}
    cache.put(many)
    assert cache.get(list(many)) == many


def test_an_expired_entry_is_a_miss_though_it_is_still_there(client: Any) -> None:
    DynamoEmbeddingCache(TABLE, 30, client=client, clock=lambda: NOW).put({"a": unit()})
    just_before = DynamoEmbeddingCache(TABLE, 30, client=client, clock=lambda: NOW + 30 * DAY - 1)
    after = DynamoEmbeddingCache(TABLE, 30, client=client, clock=lambda: NOW + 30 * DAY)
    assert just_before.get(["a"]) == {"a": unit()}
    assert after.get(["a"]) == {}


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"vector": {"S": "text"}},
        {"vector": {"B": b""}},
        {"vector": {"B": b"\x00\x00\x00"}},
        {"vector": {"B": b"\x00" * 16}},
        {"vector": {"B": to_bytes(array("f", [float("nan")] * 4))}},
        {"vector": {"B": to_bytes(unit())}, "expires_at": {"S": "tomorrow"}},
        {"vector": {"B": to_bytes(unit())}, "expires_at": {"NULL": True}},
    ],
)
def test_a_corrupt_entry_is_a_miss(client: Any, attributes: dict[str, Any]) -> None:
    item = {"id": {"S": "a"}, "expires_at": {"N": str(int(NOW) + 1)}} | attributes
    client.put_item(TableName=TABLE, Item=item)
    assert DynamoEmbeddingCache(TABLE, 30, client=client, clock=lambda: NOW).get(["a"]) == {}


def test_an_item_holds_a_vector_and_its_end_and_no_text(client: Any) -> None:
    DynamoEmbeddingCache(TABLE, 30, client=client, clock=lambda: NOW).put({"a": unit()})
    (item,) = client.scan(TableName=TABLE)["Items"]
    assert item == {"id": {"S": "a"}, "vector": {"B": to_bytes(unit())}, "expires_at": {"N": str(int(NOW) + 30 * DAY)}}


class Broken:
    """A client whose every call fails, as when DynamoDB throttles or is out of reach."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def fail(**_: Any) -> Any:
            raise self._error

        return fail


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchGetItem"),
        ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "BatchGetItem"),
        ConnectTimeoutError(endpoint_url="http://127.0.0.1"),
    ],
)
def test_a_failing_table_is_a_miss_and_a_metric(error: Exception) -> None:
    failures = list[int]()
    cache = DynamoEmbeddingCache(TABLE, 30, client=Broken(error), on_failure=lambda: failures.append(1))
    cache.put({"a": unit()})
    assert cache.get(["a"]) == {}
    assert len(failures) == 2


def test_entries_that_were_not_written_are_a_metric(client: Any) -> None:
    class Throttling:
        def batch_write_item(self, **request: Any) -> Any:
            return {"UnprocessedItems": request["RequestItems"]}

    failures = list[int]()
    DynamoEmbeddingCache(TABLE, 30, client=Throttling(), on_failure=lambda: failures.append(1)).put({"a": unit()})
    assert failures == [1]
