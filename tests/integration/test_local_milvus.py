"""The local stack's Milvus Lite: what BM25 makes of a chunk does not depend on how the chunks came in."""

from collections.abc import Iterator

import pytest

from rag.adapters.milvus_schema import create_milvus_collection
from rag.adapters.milvus_store import MilvusStore
from rag.models import Chunk, IndexedChunk, Principal
from rag.vectors import unit
from ragctl.local.milvus import start_milvus
from ragctl.local.services import free_port, listens

COLLECTION = "rag_test_2"
TEXTS = [
    *(f"The annual report number {number} speaks of holidays and of travel." for number in range(30)),
    *(f"Pump {number} is oiled once a month, before the holidays." for number in range(10)),
    "Holidays are 27 days a year.",
    "Nobody oils a compressor.",
]


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    data, port = tmp_path_factory.mktemp("milvus"), free_port()
    service = start_milvus(data / "collections", port, data / "milvus.log")
    try:
        service.await_readiness(listens)
        yield f"http://127.0.0.1:{port}"
    finally:
        service.stop()


def chunk(number: int) -> IndexedChunk:
    text = TEXTS[number]
    return IndexedChunk(
        Chunk(f"{number:032x}", f"{number}.md", "v1", 0, "", f"{number}.md", text, 9, 0, len(text)), unit([1.0, 0.5])
    )


def loaded(uri: str, name: str, together: int) -> MilvusStore:
    create_milvus_collection(None, uri, name, 2)
    store = MilvusStore(None, uri, name, 2, 30)
    chunks = [chunk(number) for number in range(len(TEXTS))]
    for start in range(0, len(chunks), together):
        part = chunks[start : start + together]
        store.upsert("acme", part)
        store.settle("acme", [item.chunk.chunk_id for item in part])
    return store


@pytest.mark.parametrize("together", [1, 7, 20])
def test_chunks_that_come_in_parts_are_ranked_as_those_that_come_at_once(uri: str, together: int) -> None:
    at_once, in_parts = (
        loaded(uri, f"{COLLECTION}_whole_{together}", 100),
        loaded(uri, f"{COLLECTION}_{together}", together),
    )

    for question in ("holidays", "oiled pump", "compressor", "annual holidays"):
        ((expected,), (found,)) = (
            store.lexical([question], Principal("acme"), 50, None) for store in (at_once, in_parts)
        )
        assert [hit.chunk.document_id for hit in found] == [hit.chunk.document_id for hit in expected]
        assert [hit.score for hit in found] == pytest.approx([hit.score for hit in expected], rel=1e-4)
