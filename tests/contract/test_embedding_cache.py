"""One contract for the EmbeddingCache port: the fake, and DynamoDB as moto serves it."""

import base64
import time
from array import array
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectTimeoutError

from rag.adapters.dynamodb_cache import DynamoEmbeddingCache
from rag.errors import TransientError
from rag.ports import EmbeddingCache
from rag.vectors import to_bytes
from tests.fakes import faulty_http as faults
from tests.fakes.memory_cache import MemoryCache

TABLE = "cache"
NOW = 1_800_000_000.0
DAY = 86_400


def unit(index: int = 0) -> "array[float]":
    return array("f", [float(position == index) for position in range(4)])


@pytest.fixture
def client(mocked_aws: None) -> Any:
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    return dynamodb


@pytest.fixture(params=["memory", "dynamodb"])
def cache(request: pytest.FixtureRequest) -> EmbeddingCache:
    if request.param == "memory":
        return MemoryCache()
    return DynamoEmbeddingCache(
        TABLE, 30, timeout_seconds=10, client=request.getfixturevalue("client"), clock=lambda: NOW
    )


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


def test_what_is_forgotten_is_gone_and_the_rest_is_not(cache: EmbeddingCache) -> None:
    cache.put({"a": unit(0), "b": unit(1), "c": unit(2)})
    cache.forget(["a", "c", "never-known", "a"])
    assert cache.get(["a", "b", "c"]) == {"b": unit(1)}


def test_nothing_is_forgotten_for_nothing(cache: EmbeddingCache) -> None:
    cache.put({"a": unit(0)})
    cache.forget([])
    assert cache.get(["a"]) == {"a": unit(0)}


def test_more_than_a_request_may_carry_is_forgotten(cache: EmbeddingCache) -> None:
    many = {f"key-{number}": unit(number % 4) for number in range(60)}
    cache.put(many)
    cache.forget([*many, *many])
    assert cache.get(list(many)) == {}


def test_an_expired_entry_is_a_miss_though_it_is_still_there(client: Any) -> None:
    DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=client, clock=lambda: NOW).put({"a": unit()})
    just_before = DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=client, clock=lambda: NOW + 30 * DAY - 1)
    after = DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=client, clock=lambda: NOW + 30 * DAY)
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
    assert DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=client, clock=lambda: NOW).get(["a"]) == {}


def test_an_item_holds_a_vector_and_its_end_and_no_text(client: Any) -> None:
    DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=client, clock=lambda: NOW).put({"a": unit()})
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
    cache = DynamoEmbeddingCache(
        TABLE, 30, timeout_seconds=10, client=Broken(error), on_failure=lambda: failures.append(1)
    )
    cache.put({"a": unit()})
    assert cache.get(["a"]) == {}
    assert len(failures) == 2


def test_entries_that_were_not_written_are_a_metric(client: Any) -> None:
    class Throttling:
        def batch_write_item(self, **request: Any) -> Any:
            return {"UnprocessedItems": request["RequestItems"]}

    failures = list[int]()
    DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=Throttling(), on_failure=lambda: failures.append(1)).put(
        {"a": unit()}
    )
    assert failures == [1]


class Reluctant:
    """A client that does one item of a write and leaves over the others, the first few times."""

    def __init__(self, client: Any, times: int) -> None:
        self._client = client
        self._times = times

    def batch_write_item(self, RequestItems: Any) -> Any:  # noqa: N803 - DynamoDB's name
        if self._times == 0:
            return self._client.batch_write_item(RequestItems=RequestItems)
        self._times -= 1
        done, *left = RequestItems[TABLE]
        return self._client.batch_write_item(RequestItems={TABLE: [done]}) | {"UnprocessedItems": {TABLE: left}}


def test_what_dynamodb_leaves_over_is_forgotten_in_further_attempts(client: Any) -> None:
    DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=client).put({f"key-{n}": unit() for n in range(10)})
    DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=Reluctant(client, times=3)).forget(
        [f"key-{n}" for n in range(10)]
    )
    assert client.scan(TableName=TABLE)["Items"] == []


def test_forgetting_does_not_pass_over_what_is_left_in_the_end(client: Any) -> None:
    DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=client).put({f"key-{n}": unit() for n in range(10)})
    with pytest.raises(TransientError):
        DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=Reluctant(client, times=100)).forget(
            [f"key-{n}" for n in range(10)]
        )
    assert len(client.scan(TableName=TABLE)["Items"]) == 5


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "BatchWriteItem"),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "BatchWriteItem"),
        ConnectTimeoutError(endpoint_url="http://127.0.0.1"),
    ],
)
def test_a_table_that_cannot_be_asked_to_forget_is_an_error(error: Exception) -> None:
    with pytest.raises(TransientError):
        DynamoEmbeddingCache(TABLE, 30, timeout_seconds=10, client=Broken(error)).forget(["a"])


@pytest.fixture
def server() -> Iterator[faults.FaultyServer]:
    """DynamoDB on a socket: every read finds one good entry, every write is done."""
    entry = {
        "id": {"S": "a"},
        "vector": {"B": base64.b64encode(to_bytes(unit())).decode()},
        "expires_at": {"N": str(int(NOW) + 1)},
    }
    answer = {"Responses": {TABLE: [entry]}, "UnprocessedKeys": {}, "UnprocessedItems": {}}
    with faults.FaultyServer(lambda _: faults.Response.of_json(answer)) as server:
        yield server


def cache_at(server: faults.FaultyServer, failures: list[int], timeout_seconds: float = 10.0) -> EmbeddingCache:
    client = boto3.client(
        "dynamodb",
        endpoint_url=server.url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(connect_timeout=10, read_timeout=10, retries={"total_max_attempts": 1}),
    )
    return DynamoEmbeddingCache(
        TABLE,
        30,
        timeout_seconds=timeout_seconds,
        client=client,
        clock=lambda: NOW,
        on_failure=lambda: failures.append(1),
    )


def test_an_answer_over_a_socket_is_understood(server: faults.FaultyServer) -> None:
    failures = list[int]()
    assert cache_at(server, failures).get(["a"]) == {"a": unit()}
    assert failures == []


@pytest.mark.parametrize("fault", [faults.hang, faults.drip(0.05)])
def test_a_slow_table_is_a_miss_in_time(server: faults.FaultyServer, fault: faults.Fault) -> None:
    failures = list[int]()
    cache = cache_at(server, failures, timeout_seconds=0.3)
    server.next(fault, fault)
    started = time.monotonic()
    assert cache.get(["a"]) == {}
    cache.put({"a": unit()})
    assert failures == [1, 1]
    assert time.monotonic() - started < 5  # a drip takes far longer


BODIES = [
    b"",
    b"{}",
    b"[]",
    b"null",
    b"\xff",
    b"{nonsense",
    b"<html><body>It works!</body></html>",
    b"[" * 100_000,
    b'{"Responses": []}',
    b'{"Responses": {"cache": 7}}',
    b'{"Responses": {"cache": [{"id": 7}]}}',
]


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_that_is_none_of_dynamodbs_is_a_miss_and_a_metric(server: faults.FaultyServer, body: bytes) -> None:
    failures = list[int]()
    server.next(faults.answer(200, body, {"Content-Type": "application/x-amz-json-1.0"}))
    assert cache_at(server, failures).get(["a"]) == {}
    assert failures == [1]


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_that_is_none_of_dynamodbs_does_not_fail_a_write(server: faults.FaultyServer, body: bytes) -> None:
    server.next(faults.answer(200, body, {"Content-Type": "application/x-amz-json-1.0"}))
    cache_at(server, []).put({"a": unit()})


@pytest.mark.parametrize("body", BODIES)
def test_an_answer_that_is_none_of_dynamodbs_has_forgotten_nothing(server: faults.FaultyServer, body: bytes) -> None:
    server.next(faults.answer(200, body, {"Content-Type": "application/x-amz-json-1.0"}))
    with pytest.raises(TransientError):
        cache_at(server, []).forget(["a"])


def test_a_table_that_is_too_slow_has_forgotten_nothing(server: faults.FaultyServer) -> None:
    server.next(faults.hang)
    with pytest.raises(TransientError):
        cache_at(server, [], timeout_seconds=0.3).forget(["a"])


def test_keys_that_were_not_read_are_a_metric(server: faults.FaultyServer) -> None:
    failures = list[int]()
    left = {TABLE: {"Keys": [{"id": {"S": "a"}}]}}
    server.next(faults.answer_json({"Responses": {TABLE: []}, "UnprocessedKeys": left}))
    assert cache_at(server, failures).get(["a"]) == {}
    assert failures == [1]
