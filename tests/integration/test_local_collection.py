"""The collection that the local stack starts with: made where it is missing, and made anew where it has other words."""

from contextlib import closing
from pathlib import Path

from rag.adapters.milvus_store import MilvusStore
from rag.identity import collection_name
from ragctl.local.collection import CreatingCollection
from tests.contract.milvus_fixture import create_older_collection
from tests.contract.vector_stores import DIMENSIONS, Tenant
from tests.fakes.milvus_lite import MilvusLite

MODEL = "some-model"


def created(milvus: MilvusLite, log: Path) -> list[str]:
    parameters = {"EmbeddingModel": MODEL, "EmbeddingDimensions": str(DIMENSIONS)}
    creating = CreatingCollection(int(milvus.uri.rpartition(":")[2]), parameters, log)
    try:
        return creating.await_end()
    finally:
        creating.stop()


def test_a_collection_with_other_words_is_made_anew_and_that_is_told_once(tmp_path: Path) -> None:
    name = collection_name(MODEL, DIMENSIONS)
    with MilvusLite(tmp_path / "milvus") as milvus:
        create_older_collection(milvus.uri, name)

        (line,) = created(milvus, tmp_path / "log")

        assert name in line
        assert line.endswith("rag doctor --fix")
        with closing(MilvusStore(None, milvus.uri, name, DIMENSIONS, deadline_seconds=10)) as store:
            tenant = Tenant(store, "acme")
            tenant.load(tenant.chunk("kept"))
            assert created(milvus, tmp_path / "log") == []
            assert tenant.finds_words("one") is not None
            assert tenant.finds() == {"kept"}
