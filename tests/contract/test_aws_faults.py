"""What goes wrong between the adapters and AWS, over a real socket: each is an error of ours that quotes nothing."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rag.adapters.dynamodb_catalogue import DynamoCatalogue
from rag.adapters.dynamodb_counts import DynamoCounts
from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_principals import DynamoPrincipals
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.s3_objects import S3Objects
from rag.errors import (
    InternalError,
    MalformedResponse,
    PermanentError,
    RagError,
    TransientError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from rag.index_pointer import IndexPointer, IndexTarget
from rag.registration import LiveVersion, Registration
from tests.contract.aws_clients import client_at
from tests.fakes import faulty_http as faults

TABLE = "registry"
SECRET = "a-name-that-nobody-may-learn"
TARGET = IndexTarget(model="small", dimensions=4)
Use = Callable[[str, float], Any]


def dynamo_error(code: str, status: int = 400, **more: Any) -> faults.Fault:
    return faults.answer_json({"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": SECRET, **more}, status)


def s3_error(code: str, status: int) -> faults.Fault:
    body = f"<Error><Code>{code}</Code><Message>{SECRET}</Message><Key>{SECRET}</Key></Error>"
    return faults.answer(status, body, {"Content-Type": "application/xml"})


def registry_at(url: str, timeout_seconds: float = 10.0) -> DynamoRegistry:
    client = client_at("dynamodb", url)
    return DynamoRegistry(TABLE, timeout_seconds=timeout_seconds, client=client, pause=lambda _: None)


def objects_at(url: str, timeout_seconds: float = 10.0) -> S3Objects:
    return S3Objects("documents", timeout_seconds=timeout_seconds, client=client_at("s3", url))


def pointer_at(url: str, timeout_seconds: float = 10.0) -> DynamoPointer:
    return DynamoPointer(TABLE, TARGET, timeout_seconds=timeout_seconds, client=client_at("dynamodb", url))


DYNAMO_USES: dict[str, Use] = {
    "live": lambda url, seconds: registry_at(url, seconds).live("acme", [SECRET]),
    "load": lambda url, seconds: registry_at(url, seconds).load("acme", [SECRET]),
    "documents": lambda url, seconds: list(registry_at(url, seconds).documents("acme")),
    "tenants": lambda url, seconds: list(registry_at(url, seconds).tenants()),
    "store": lambda url, seconds: registry_at(url, seconds).store([Registration("acme", SECRET)]),
    "read pointer": lambda url, seconds: pointer_at(url, seconds).read(),
    "catalogue": lambda url, seconds: list(
        DynamoCatalogue(TABLE, timeout_seconds=seconds, client=client_at("dynamodb", url)).after("acme", "", SECRET, 1)
    ),
    "find caller": lambda url, seconds: DynamoPrincipals(
        TABLE, timeout_seconds=seconds, client=client_at("dynamodb", url)
    ).find(SECRET),
    "raise count": lambda url, seconds: DynamoCounts(
        TABLE, timeout_seconds=seconds, client=client_at("dynamodb", url)
    ).raised(SECRET, 1, 5, 2_000),
}
S3_USES: dict[str, Use] = {
    "info": lambda url, seconds: objects_at(url, seconds).info(SECRET),
    "read": lambda url, seconds: objects_at(url, seconds).read(SECRET),
    "write": lambda url, seconds: objects_at(url, seconds).write(SECRET, b"text"),
    "delete": lambda url, seconds: objects_at(url, seconds).delete([SECRET]),
    "list": lambda url, seconds: list(objects_at(url, seconds).list(SECRET)),
}
USES = DYNAMO_USES | S3_USES


@pytest.fixture
def server() -> Iterator[faults.FaultyServer]:
    with faults.FaultyServer(lambda _: faults.Response.of_json({})) as server:
        yield server


def raised(use: str, server: faults.FaultyServer, seconds: float = 10.0) -> RagError:
    with pytest.raises(RagError) as caught:
        USES[use](server.url, seconds)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("use", DYNAMO_USES)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (dynamo_error("RequestLimitExceeded"), UpstreamThrottled),
        (dynamo_error("InternalServerError", 500), UpstreamUnavailable),
        (dynamo_error("ServiceUnavailable", 503), UpstreamUnavailable),
        (faults.html(502), UpstreamUnavailable),
        (dynamo_error("ResourceNotFoundException"), UpstreamRejected),
        (dynamo_error("AccessDeniedException"), UpstreamRejected),
        (dynamo_error("ValidationException"), UpstreamRejected),
        (faults.reset, UpstreamUnavailable),
    ],
)
def test_a_fault_of_dynamodb_is_an_error_of_ours(
    server: faults.FaultyServer, use: str, fault: faults.Fault, expected: type[RagError]
) -> None:
    server.next(fault)
    assert type(raised(use, server)) is expected


@pytest.mark.parametrize("use", S3_USES)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (s3_error("SlowDown", 503), (UpstreamThrottled, UpstreamUnavailable)),  # HEAD has no body that tells
        (s3_error("InternalError", 500), UpstreamUnavailable),
        (s3_error("AccessDenied", 403), UpstreamRejected),
        (s3_error("InvalidRequest", 400), UpstreamRejected),
        (faults.html(502), UpstreamUnavailable),
        (faults.reset, UpstreamUnavailable),
    ],
)
def test_a_fault_of_s3_is_an_error_of_ours(
    server: faults.FaultyServer, use: str, fault: faults.Fault, expected: type[RagError]
) -> None:
    server.next(fault)
    assert isinstance(raised(use, server), expected)


@pytest.mark.parametrize("use", USES)
def test_a_service_that_hangs_is_given_up_in_time(server: faults.FaultyServer, use: str) -> None:
    server.next(faults.hang)
    started = time.monotonic()
    assert isinstance(raised(use, server, seconds=0.3), UpstreamUnavailable)
    assert time.monotonic() - started < 5


def test_a_missing_bucket_is_no_missing_object(server: faults.FaultyServer) -> None:
    server.next(s3_error("NoSuchBucket", 404))
    assert "does not exist" in str(raised("read", server))


def test_what_the_role_lacks_is_said(server: faults.FaultyServer) -> None:
    server.next(s3_error("AccessDenied", 403), dynamo_error("AccessDeniedException"))
    assert "s3:ListBucket" in str(raised("read", server))
    assert "dynamodb:BatchGetItem" in str(raised("live", server))


def test_an_object_that_breaks_off_is_not_taken_for_a_whole_one(server: faults.FaultyServer) -> None:
    def half(exchange: faults.Exchange) -> bool:
        exchange.send(b'HTTP/1.1 200 OK\r\nETag: "e"\r\nContent-Length: 10\r\n\r\nhalf')
        return False

    server.next(half)
    assert isinstance(raised("read", server), UpstreamUnavailable)


def test_objects_that_were_not_deleted_are_an_error_though_the_answer_is_200(server: faults.FaultyServer) -> None:
    for code, expected in {"InternalError": TransientError, "AccessDenied": PermanentError}.items():
        error = f"<Error><Key>{SECRET}</Key><Code>{code}</Code><Message>{SECRET}</Message></Error>"
        body = f"<DeleteResult>{error}</DeleteResult>"
        server.next(faults.answer(200, body, {"Content-Type": "application/xml"}))
        assert isinstance(raised("delete", server), expected)


BODIES = [b"", b"{}", b"[]", b"null", b"\xff", b"{nonsense", b"<html></html>", b'{"Responses": 7}', b'{"Items": 7}']


@pytest.mark.parametrize("use", ["live", "load", "documents", "tenants"])
@pytest.mark.parametrize("body", BODIES)
def test_an_answer_that_is_none_of_dynamodbs_never_means_that_nothing_is_there(
    server: faults.FaultyServer, use: str, body: bytes
) -> None:
    server.next(faults.answer(200, body, {"Content-Type": "application/x-amz-json-1.0"}))
    assert isinstance(raised(use, server), MalformedResponse | UpstreamUnavailable)


def test_keys_that_were_left_are_asked_for_again(server: faults.FaultyServer) -> None:
    item = {"sk": {"S": "b"}, "live_version": {"S": "1"}, "readers": {"L": [{"S": "*"}]}}
    left = {TABLE: {"Keys": [{"pk": {"S": "document#acme"}, "sk": {"S": "b"}}]}}
    server.next(
        faults.answer_json({"Responses": {TABLE: []}, "UnprocessedKeys": left}),
        faults.answer_json({"Responses": {TABLE: [item]}, "UnprocessedKeys": {}}),
    )
    assert registry_at(server.url).live("acme", ["a", "b"]) == {"b": LiveVersion("1", ("*",))}
    asked = [request.json()["RequestItems"][TABLE] for request in server.requests]
    assert asked[1]["Keys"] == left[TABLE]["Keys"]
    assert all(request["ConsistentRead"] for request in asked)


def test_keys_that_are_left_again_and_again_are_a_throttle() -> None:
    left = {TABLE: {"Keys": [{"pk": {"S": "document#acme"}, "sk": {"S": SECRET}}]}}
    answer = {"Responses": {TABLE: []}, "UnprocessedKeys": left}
    with faults.FaultyServer(lambda _: faults.Response.of_json(answer)) as server:
        assert isinstance(raised("live", server), UpstreamThrottled)
        assert len(server.requests) < 10


def canceled(*codes: str) -> faults.Fault:
    return dynamo_error("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


def stored(server: faults.FaultyServer) -> list[list[str]]:
    """Return the ids of each transaction that was tried."""
    bodies = [request.json() for request in server.requests]
    return [
        [action["Put"]["Item"]["sk"]["S"] for action in body["TransactItems"]]
        for body in bodies
        if "TransactItems" in body
    ]


ENTRIES = [Registration("acme", name) for name in "abc"]


@pytest.fixture
def table() -> Iterator[faults.FaultyServer]:
    """DynamoDB that stores everything and holds nothing."""
    with faults.FaultyServer(lambda _: faults.Response.of_json({"Responses": {TABLE: []}})) as server:
        server.next(faults.answer_json({}))  # for the item of the tenant
        yield server


def test_entries_that_others_are_writing_just_now_are_stored_again(table: faults.FaultyServer) -> None:
    table.next(canceled("None", "TransactionConflict", "None"), canceled("ThrottlingError", "None", "None"))
    assert registry_at(table.url).store(ENTRIES) == {}
    assert stored(table) == [["a", "b", "c"]] * 3


def test_what_is_outdated_is_left_out_and_the_rest_is_stored(table: faults.FaultyServer) -> None:
    table.next(canceled("None", "ConditionalCheckFailed", "TransactionConflict"))
    assert registry_at(table.url).store(ENTRIES) == {"b": Registration("acme", "b")}
    assert stored(table) == [["a", "b", "c"], ["a", "c"]]


def test_a_registry_that_stays_busy_is_a_throttle(table: faults.FaultyServer) -> None:
    table.next(*[canceled("TransactionConflict", "None", "None")] * 20)
    with pytest.raises(UpstreamThrottled):
        registry_at(table.url).store(ENTRIES)
    assert len(table.requests) < 20


@pytest.mark.parametrize("codes", [("ValidationError", "None", "None"), ("None",), ("None", "None", "None"), ()])
def test_a_transaction_that_can_never_be_stored_is_refused(table: faults.FaultyServer, codes: tuple[str, ...]) -> None:
    table.next(canceled(*codes))
    with pytest.raises(UpstreamRejected):
        registry_at(table.url).store(ENTRIES)


def test_a_single_entry_that_others_are_writing_is_stored_again(table: faults.FaultyServer) -> None:
    table.next(dynamo_error("TransactionConflictException"), dynamo_error("ThrottlingException"))
    assert registry_at(table.url).store(ENTRIES[:1]) == {}
    assert len(table.requests) == 4


def test_a_pointer_that_is_busy_is_stored_again(server: faults.FaultyServer) -> None:
    server.next(dynamo_error("TransactionConflictException"))
    assert pointer_at(server.url).store(IndexPointer(TARGET))


def test_an_entry_that_is_too_large_is_told_before_anything_is_stored(server: faults.FaultyServer) -> None:
    with pytest.raises(InternalError):
        registry_at(server.url).store([Registration("acme", "a", error="x" * 400_000)])
    assert server.requests == []


@pytest.mark.parametrize("entries", [[ENTRIES[0], ENTRIES[0]], [ENTRIES[0], Registration("other", "b")]])
def test_entries_are_stored_once_each_for_one_tenant(server: faults.FaultyServer, entries: list[Registration]) -> None:
    with pytest.raises(InternalError):
        registry_at(server.url).store(entries)


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"entry": {"S": "{}"}},
        {"entry": {"S": '{"tenant": "acme", "document_id": "a", "status": "strange"}'}},
        {"entry": {"N": "7"}},
    ],
)
def test_an_item_that_is_no_entry_is_reported(server: faults.FaultyServer, item: dict[str, Any]) -> None:
    server.next(faults.answer(200, json.dumps({"Responses": {TABLE: [item]}})))
    assert isinstance(raised("load", server), InternalError)


@pytest.mark.parametrize("readers", [{}, {"readers": {"S": "*"}}, {"readers": {"L": [{"N": "1"}]}}])
def test_a_live_version_without_readers_is_shown_to_nobody(
    server: faults.FaultyServer, readers: dict[str, Any]
) -> None:
    item = {"sk": {"S": "a"}, "live_version": {"S": "1"}, **readers}
    server.next(faults.answer(200, json.dumps({"Responses": {TABLE: [item]}})))
    assert isinstance(raised("live", server), InternalError)
