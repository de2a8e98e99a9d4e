"""Fixtures for Milvus: one server and one collection per test worker, since starting takes seconds."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from pymilvus import MilvusClient

from rag.adapters.milvus_schema import collection_schema, create_milvus_collection
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


def create_older_collection(uri: str, name: str, dimensions: int = DIMENSIONS) -> None:
    """Make a collection as another version of this project did, with other words to search by."""
    schema = collection_schema(dimensions)
    words = next(field for field in schema.fields if field.name == "search_text")
    words.params["analyzer_params"] = {"tokenizer": "standard", "filter": ["lowercase"]}
    with closing(MilvusClient(uri, dedicated=True)) as client:
        indexes = client.prepare_index_params()
        indexes.add_index("vector", index_type="FLAT", metric_type="COSINE")
        indexes.add_index("search_terms", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
        client.create_collection(name, schema=schema, index_params=indexes)
        client.load_collection(name)
