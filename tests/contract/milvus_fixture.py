"""Fixtures for Milvus: one server per test worker, and a fresh collection for whoever asks."""

from collections.abc import Iterator
from uuid import uuid4

import pytest

from rag.adapters.milvus_schema import create_milvus_collection
from rag.adapters.milvus_store import MilvusStore
from tests.contract.vector_stores import DIMENSIONS
from tests.fakes.milvus_lite import MilvusLite

DEADLINE_SECONDS = 30.0


@pytest.fixture(scope="session")
def milvus_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MilvusLite]:
    """Start Milvus Lite once, as that takes seconds."""
    with MilvusLite(tmp_path_factory.mktemp("milvus") / "data") as server:
        yield server


@pytest.fixture
def milvus_collection(milvus_lite: MilvusLite) -> str:
    """Make a collection of the test's own."""
    name = f"rag_test_{uuid4().hex[:12]}_{DIMENSIONS}"
    create_milvus_collection(None, milvus_lite.uri, name, DIMENSIONS)
    return name


@pytest.fixture
def milvus_store(milvus_lite: MilvusLite, milvus_collection: str) -> Iterator[MilvusStore]:
    """The adapter on a collection of the test's own."""
    store = MilvusStore(None, milvus_lite.uri, milvus_collection, DIMENSIONS, DEADLINE_SECONDS)
    yield store
    store.close()
