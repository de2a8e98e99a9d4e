"""How Milvus fails, through its own client over real connections: each fault is a typed error, and in time."""

import logging
import socket
import time
import traceback
from collections.abc import Iterator
from threading import Event
from uuid import uuid4

import grpc
import pytest

from rag.adapters.milvus_store import MilvusStore
from rag.errors import (
    CredentialsRejected,
    IndexUnavailable,
    RagError,
    UpstreamRejected,
    UpstreamThrottled,
    UpstreamUnavailable,
)
from rag.models import IndexedChunk, Principal
from rag.ports import Credential
from rag.vectors import unit
from tests.contract.milvus_fixture import COLLECTION
from tests.contract.vector_stores import DIMENSIONS, NORTH, Tenant
from tests.fakes.milvus_gate import MilvusGate
from tests.fakes.milvus_lite import MilvusLite
from tests.fakes.secrets import RotatingCredential, fixed_credential

DEADLINE = 2.0


@pytest.fixture
def gate(milvus_lite: MilvusLite, milvus_store: MilvusStore) -> Iterator[MilvusGate]:
    """A gate before the server, whose collection the shared store has made."""
    with MilvusGate(milvus_lite.uri) as gate:
        yield gate


@pytest.fixture
def stores() -> Iterator[list[MilvusStore]]:
    """Those to close in the end."""
    opened: list[MilvusStore] = []
    yield opened
    for store in opened:
        store.close()


@pytest.fixture
def tenant(gate: MilvusGate, stores: list[MilvusStore]) -> Tenant:
    """A tenant behind the gate, with one document."""
    tenant = tenant_at(gate.uri, stores)
    tenant.load(tenant.chunk("one"))
    gate.calls.clear()
    return tenant


def tenant_at(
    uri: str, stores: list[MilvusStore], credential: Credential | None = None, deadline: float = DEADLINE
) -> Tenant:
    store = MilvusStore(credential, uri, COLLECTION, DIMENSIONS, deadline)
    stores.append(store)
    return Tenant(store, f"tenant-{uuid4().hex[:12]}")


def test_a_token_that_is_accepted_opens_the_store(gate: MilvusGate, stores: list[MilvusStore]) -> None:
    gate.token = "root:right"

    assert tenant_at(gate.uri, stores, fixed_credential("root:right")).finds() == set()


def test_a_refused_token_is_read_again_once(gate: MilvusGate, stores: list[MilvusStore]) -> None:
    gate.token = "root:new"
    credential = RotatingCredential("root:old", "root:new")

    assert tenant_at(gate.uri, stores, credential).finds() == set()
    assert credential.fresh_reads == 1


def test_a_token_that_is_changed_while_connected_is_read_again(gate: MilvusGate, stores: list[MilvusStore]) -> None:
    gate.token = "root:old"
    tenant = tenant_at(gate.uri, stores, RotatingCredential("root:old", "root:new"))
    tenant.load(tenant.chunk("one"))

    gate.token = "root:new"

    assert tenant.finds() == {"one"}


def test_a_renewed_token_gets_no_deadline_of_its_own(gate: MilvusGate, stores: list[MilvusStore]) -> None:
    rotating = RotatingCredential("root:old", "root:new")

    def slow(*, fresh: bool = False) -> str:
        Event().wait(0.7 * DEADLINE)
        return rotating(fresh=fresh)

    gate.token = "root:new"

    with pytest.raises(UpstreamUnavailable, match="Milvus did not answer within 2 s"):
        tenant_at(gate.uri, stores, slow).finds()


def test_a_search_that_milvus_refuses_is_looked_into_under_the_same_deadline(gate: MilvusGate, tenant: Tenant) -> None:
    gate.refuse("Search", 1100)
    gate.hang("DescribeCollection")
    started = time.monotonic()

    with pytest.raises(UpstreamUnavailable):
        tenant.finds()

    assert time.monotonic() - started < 2 * DEADLINE


@pytest.mark.parametrize("credential", [None, fixed_credential("root:wrong")], ids=["no-token", "wrong-token"])
def test_a_token_that_stays_wrong_is_an_error_without_it(
    gate: MilvusGate, stores: list[MilvusStore], credential: Credential | None
) -> None:
    gate.token = "root:right"

    with pytest.raises(CredentialsRejected) as caught:
        tenant_at(gate.uri, stores, credential).finds()

    assert "root" not in told(caught.value)


@pytest.mark.parametrize(
    ("code", "retriable", "expected"),
    [
        (8, True, UpstreamThrottled),
        (9, False, UpstreamThrottled),
        (1, True, UpstreamUnavailable),
        (503, False, UpstreamUnavailable),
        (700, False, IndexUnavailable),
        (1401, False, CredentialsRejected),
        (1100, False, UpstreamRejected),
        (65535, False, UpstreamRejected),
    ],
)
def test_a_refusal_is_told_by_its_code_after_one_call(
    gate: MilvusGate, tenant: Tenant, code: int, retriable: bool, expected: type[RagError]
) -> None:
    gate.refuse("Search", code, "expression: text == 'secret question'", retriable=retriable)

    with pytest.raises(expected) as caught:
        tenant.finds()

    assert type(caught.value) is expected
    assert gate.calls["Search"] == 1
    assert "secret question" not in told(caught.value)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, UpstreamUnavailable),
        (grpc.StatusCode.INTERNAL, UpstreamUnavailable),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, UpstreamThrottled),
        (grpc.StatusCode.PERMISSION_DENIED, CredentialsRejected),
        (grpc.StatusCode.INVALID_ARGUMENT, UpstreamRejected),
    ],
)
def test_a_broken_call_is_told_by_its_status_after_one_call(
    gate: MilvusGate, tenant: Tenant, status: grpc.StatusCode, expected: type[RagError]
) -> None:
    gate.break_off("Search", status, "secret question")

    with pytest.raises(expected) as caught:
        tenant.finds()

    assert gate.calls["Search"] == 1
    assert "secret question" not in told(caught.value)


def test_a_server_that_is_silent_in_a_call_ends_with_the_deadline_and_is_left_for_a_new_connection(
    gate: MilvusGate, tenant: Tenant
) -> None:
    gate.hang("Search")
    started = time.monotonic()

    with pytest.raises(UpstreamUnavailable):
        tenant.finds()

    assert time.monotonic() - started < DEADLINE + 1
    gate.recover()
    assert tenant.finds() == {"one"}


def test_a_server_that_accepts_and_says_nothing_ends_with_the_deadline(stores: list[MilvusStore]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()

        with pytest.raises(UpstreamUnavailable):
            tenant_at(f"http://127.0.0.1:{silent.getsockname()[1]}", stores, deadline=0.5).finds()

        assert time.monotonic() - started < 1.5


def test_nobody_at_the_address_is_unavailable(stores: list[MilvusStore]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(UpstreamUnavailable):
        tenant_at(f"http://127.0.0.1:{port}", stores).finds()


def test_an_address_that_is_none_is_told_as_such(stores: list[MilvusStore]) -> None:
    with pytest.raises(IndexUnavailable):
        tenant_at("nonsense", stores).finds()


def test_a_missing_collection_is_told_with_what_to_do(milvus_lite: MilvusLite) -> None:
    store = MilvusStore(None, milvus_lite.uri, "rag_missing_8", DIMENSIONS, DEADLINE)
    tenant = Tenant(store, "acme")

    for call in (
        tenant.finds,
        lambda: tenant.finds_words("one"),
        lambda: store.similarities(NORTH, Principal("acme"), ["0" * 32]),
        lambda: tenant.load(tenant.chunk("one")),
        lambda: list(store.entries("acme", ["a"])),
        lambda: list(store.fetch("acme", ["0" * 32])),
        lambda: list(store.ids("acme")),
    ):
        with pytest.raises(IndexUnavailable, match="rag index create"):
            call()
    store.close()


def test_a_collection_of_other_dimensions_is_told_as_such(
    tenant: Tenant, milvus_lite: MilvusLite, stores: list[MilvusStore]
) -> None:
    store = MilvusStore(None, milvus_lite.uri, COLLECTION, DIMENSIONS - 1, DEADLINE)
    stores.append(store)
    shorter = unit([1.0] * (DIMENSIONS - 1))

    with pytest.raises(IndexUnavailable, match="field vector"):
        store.dense([shorter], Principal(tenant.name), 1, None)
    with pytest.raises(IndexUnavailable, match="field vector"):
        store.lexical(["one"], Principal(tenant.name), 1, None)
    with pytest.raises(IndexUnavailable, match="field vector"):
        store.similarities(shorter, Principal(tenant.name), [tenant.chunk("one").chunk_id])
    with pytest.raises(IndexUnavailable, match="field vector"):
        store.upsert(tenant.name, [IndexedChunk(tenant.chunk("two"), shorter)])


def test_a_throttled_flush_does_not_keep_chunks_from_settling(gate: MilvusGate, tenant: Tenant) -> None:
    gate.refuse("Flush", 8, retriable=True)

    tenant.load(tenant.chunk("two"))

    assert tenant.finds() == {"one", "two"}


def test_a_failed_call_logs_nothing(
    gate: MilvusGate, tenant: Tenant, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor = logging.getLogger("pymilvus")  # it keeps what it logs from the root logger
    vendor.addHandler(caplog.handler)
    gate.refuse("Search", 1100, "secret question")

    try:
        with pytest.raises(UpstreamRejected):
            tenant.finds({"kind": "secret question"})
    finally:
        vendor.removeHandler(caplog.handler)

    assert capfd.readouterr() == ("", "")
    assert "secret question" not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("pymilvus")]


def told(error: BaseException) -> str:
    """Return all that a log would hold of an error."""
    return "".join(traceback.format_exception(error))
