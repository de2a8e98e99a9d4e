"""The stores that the vector store contract runs on, each by its name."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest

from rag.adapters.pinecone_store import PineconeStore
from tests.contract.milvus_fixture import milvus_lite, milvus_store
from tests.contract.vector_stores import DIMENSIONS, Tenant, VectorStore
from tests.fakes.memory_store import MemoryStore
from tests.fakes.pinecone_server import PineconeServer
from tests.fakes.secrets import fixed_credential

__all__ = ["milvus_lite", "milvus_store"]

NewTenant = Callable[[], Tenant]


@pytest.fixture
def memory_store() -> VectorStore:
    return MemoryStore(DIMENSIONS)


@pytest.fixture
def pinecone_store() -> Iterator[VectorStore]:
    """The adapter on the stand-in, which shows a write only after two reads."""
    with PineconeServer(DIMENSIONS, lag=2) as server:
        store = PineconeStore(fixed_credential(), server.url, DIMENSIONS, deadline_seconds=10, settle_seconds=2)
        yield store
        store.close()


@pytest.fixture(params=["memory_store", "pinecone_store", "milvus_store"])
def store(request: pytest.FixtureRequest) -> VectorStore:
    """Each store in turn."""
    chosen: VectorStore = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def new_tenant(store: VectorStore) -> NewTenant:
    """Make tenants that no other test uses, since an index may outlive a test."""
    return lambda: Tenant(store, f"tenant-{uuid4().hex[:12]}")


@pytest.fixture
def tenant(new_tenant: NewTenant) -> Tenant:
    return new_tenant()
