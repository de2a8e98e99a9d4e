"""Where the functions find their index."""

import pytest

from rag.errors import InternalError
from rag.settings import IndexSettings
from rag.variables import Variables

PINECONE = {"VECTOR_STORE": "pinecone", "PINECONE_HOST": "a.example", "PINECONE_SECRET": "stack/pinecone"}
MILVUS = {"VECTOR_STORE": "milvus", "MILVUS_URI": "http://a", "MILVUS_SECRET": "stack/milvus"}


@pytest.mark.parametrize("kind", ["document", "vector"])
def test_a_pinecone_index_is_of_the_kind_that_it_was_made_as(kind: str) -> None:
    assert IndexSettings.read(Variables(PINECONE | {"PINECONE_INDEX_KIND": kind})).pinecone_index_kind == kind


@pytest.mark.parametrize("kind", ["", "documents", "VECTOR"])
def test_another_kind_is_none(kind: str) -> None:
    with pytest.raises(InternalError, match="PINECONE_INDEX_KIND"):
        IndexSettings.read(Variables(PINECONE | {"PINECONE_INDEX_KIND": kind}))


@pytest.mark.parametrize("store", ["", "weaviate"])
def test_another_store_is_none(store: str) -> None:
    with pytest.raises(InternalError, match="VECTOR_STORE"):
        IndexSettings.read(Variables(MILVUS | {"VECTOR_STORE": store}))


def test_milvus_has_no_kinds() -> None:
    assert IndexSettings.read(Variables(MILVUS)).address == "http://a"
