"""What the contract suites run on: the vector stores, each by its name, and an empty AWS account."""

from collections.abc import Callable, Iterator
from uuid import uuid4

import pytest
from moto import mock_aws

from rag.adapters.pinecone_document_store import PineconeDocumentStore
from rag.adapters.pinecone_store import PineconeStore
from tests.contract.milvus_fixture import milvus_lite, milvus_store
from tests.contract.vector_stores import DIMENSIONS, Tenant, VectorStore
from tests.fakes.memory_store import MemoryStore
from tests.fakes.pinecone_documents import DocumentIndex
from tests.fakes.pinecone_server import PineconeServer
from tests.fakes.secrets import fixed_credential

__all__ = ["milvus_lite", "milvus_store"]

NewTenant = Callable[[], Tenant]

# Another one is a fixture of that name, and its name here.
STORES = ("memory_store", "pinecone_store", "pinecone_document_store", "milvus_store")


@pytest.fixture
def mocked_aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty AWS account, as moto serves it in this process."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


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


@pytest.fixture
def pinecone_document_store() -> Iterator[VectorStore]:
    """The adapter on the stand-in's document index, which shows a text two reads after its document."""
    with PineconeServer(DIMENSIONS, documents=DocumentIndex(DIMENSIONS, lag=2, text_lag=2)) as server:
        store = PineconeDocumentStore(fixed_credential(), server.url, DIMENSIONS, deadline_seconds=10, settle_seconds=2)
        yield store
        store.close()


@pytest.fixture(params=STORES)
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
