"""Making the Milvus collection: once, completely, and never over another one."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from pymilvus import DataType, MilvusClient
from pymilvus.grpc_gen import milvus_pb2

from rag.adapters.milvus_schema import (
    collection_schema,
    create_milvus_collection,
    drop_milvus_collection,
    holds_other_words,
)
from rag.adapters.milvus_store import MilvusStore
from rag.errors import IndexUnavailable, UpstreamUnavailable
from tests.contract.milvus_fixture import create_older_collection
from tests.contract.vector_stores import DIMENSIONS, Tenant
from tests.fakes.milvus_gate import MilvusGate
from tests.fakes.milvus_lite import MilvusLite


@pytest.fixture
def raw(milvus_lite: MilvusLite) -> Iterator[Any]:
    """The vendor's own client."""
    client = MilvusClient(milvus_lite.uri, dedicated=True)
    yield client
    client.close()


@pytest.fixture
def name() -> str:
    return f"rag_made_{uuid4().hex[:12]}_{DIMENSIONS}"


def test_the_first_creation_makes_the_collection_and_the_second_finds_it(milvus_lite: MilvusLite, name: str) -> None:
    assert create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS) is True
    assert create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS) is False


def test_creating_again_keeps_what_is_stored(milvus_lite: MilvusLite, name: str) -> None:
    create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS)
    store = MilvusStore(None, milvus_lite.uri, name, DIMENSIONS, deadline_seconds=10)
    tenant = Tenant(store, "acme")
    tenant.load(tenant.chunk("kept"))

    create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS)

    assert tenant.finds() == {"kept"}
    store.close()


def test_a_collection_can_be_dropped_also_if_it_is_gone(milvus_lite: MilvusLite, raw: Any, name: str) -> None:
    create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS)

    assert drop_milvus_collection(None, milvus_lite.uri, name) is True
    assert drop_milvus_collection(None, milvus_lite.uri, name) is False

    assert not raw.has_collection(name)


def test_an_interrupted_creation_is_completed(milvus_lite: MilvusLite, raw: Any, name: str) -> None:
    raw.create_collection(name, schema=collection_schema(DIMENSIONS))

    create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS)

    assert set(raw.list_indexes(name)) >= {"vector", "search_terms"}
    store = MilvusStore(None, milvus_lite.uri, name, DIMENSIONS, deadline_seconds=10)
    assert Tenant(store, "acme").finds() == set()
    store.close()


def test_a_collection_for_other_vectors_is_left_alone(milvus_lite: MilvusLite, name: str) -> None:
    create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS)

    with pytest.raises(IndexUnavailable, match="field vector"):
        create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS + 1)


def test_a_collection_with_other_words_is_left_alone_with_the_way_to_make_it_anew(
    milvus_lite: MilvusLite, name: str
) -> None:
    create_older_collection(milvus_lite.uri, name)

    with pytest.raises(
        IndexUnavailable, match=r"words of another version.*rag index drop, rag index create, rag doctor"
    ):
        create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS)


def test_words_are_told_from_other_differences(milvus_lite: MilvusLite, name: str) -> None:
    assert not holds_other_words(None, milvus_lite.uri, name, DIMENSIONS)
    create_older_collection(milvus_lite.uri, name)
    create_milvus_collection(None, milvus_lite.uri, f"{name}_new", DIMENSIONS)

    assert holds_other_words(None, milvus_lite.uri, name, DIMENSIONS)
    assert not holds_other_words(None, milvus_lite.uri, name, DIMENSIONS + 1)
    assert not holds_other_words(None, milvus_lite.uri, f"{name}_new", DIMENSIONS)


def test_a_collection_of_someone_else_is_left_alone(milvus_lite: MilvusLite, raw: Any, name: str) -> None:
    schema = MilvusClient.create_schema()
    schema.add_field("id", DataType.INT64, is_primary=True)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIMENSIONS)
    raw.create_collection(name, schema=schema)

    with pytest.raises(IndexUnavailable, match="field id"):
        create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS)


def test_shards_replicas_and_partitions_are_asked_for(milvus_lite: MilvusLite, name: str) -> None:
    with MilvusGate(milvus_lite.uri) as gate:
        create_milvus_collection(None, gate.uri, name, DIMENSIONS, shards=3, replicas=2, partitions=128)

        made = milvus_pb2.CreateCollectionRequest.FromString(gate.last_requests["CreateCollection"])
        loaded = milvus_pb2.LoadCollectionRequest.FromString(gate.last_requests["LoadCollection"])

    assert (made.shards_num, made.num_partitions, loaded.replica_number) == (3, 128, 2)


def test_nobody_at_the_address_is_unavailable() -> None:
    with pytest.raises(UpstreamUnavailable):
        create_milvus_collection(None, "http://127.0.0.1:9", "rag_x_8", DIMENSIONS)
