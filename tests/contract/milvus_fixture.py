"""Fixtures for Milvus: one server and one collection per test worker, since starting takes seconds."""

from collections.abc import Iterator

import pytest

from rag.adapters.milvus_schema import create_milvus_collection
from rag.adapters.milvus_store import MilvusStore
from tests.contract.vector_stores import DIMENSIONS
from tests.fakes.milvus_lite import MilvusLite

COLLECTION = f"rag_contract_{DIMENSIONS}"


@pytest.fixture(scope="session")
def milvus_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusLite]:
    """A running Milvus Lite."""
    with MilvusLite(tmp_path_factory.mktemp("milvus") / "data") as server:
        yield server


@pytest.fixture(scope="session")
def milvus_store(milvus_lite: MilvusLite) -> Iterator[MilvusStore]:
    """The adapter on a collection that the tests share, each with tenants of its own."""
    create_milvus_collection(None, milvus_lite.uri, COLLECTION, DIMENSIONS)
    store = MilvusStore(None, milvus_lite.uri, COLLECTION, DIMENSIONS, deadline_seconds=30)
    yield store
    store.close()
