"""The local stack's Milvus Lite: what BM25 makes of a chunk does not depend on how the chunks came in.

And reading less of the rows changes nothing that is found.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from milvus_lite.db import MilvusLite
from milvus_lite.engine.collection import Collection

from rag.adapters.milvus_schema import create_milvus_collection
from rag.adapters.milvus_store import MilvusStore
from rag.models import Chunk, IndexedChunk, Principal
from rag.vectors import unit
from ragctl.local.milvus import start_milvus
from ragctl.local.milvus_columns import read_less
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


def changed(store: MilvusStore) -> None:
    """Leave old versions and deleted rows behind."""
    store.upsert("acme", [chunk(number) for number in range(3)])
    store.settle("acme", [chunk(0).chunk.chunk_id])
    store.delete("acme", [chunk(number).chunk.chunk_id for number in (5, 6)])


@pytest.mark.parametrize("change", [None, changed], ids=["as loaded", "changed since"])
def test_searches_that_read_less_find_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[MilvusStore], None] | None
) -> None:
    port = free_port()
    service = start_milvus(tmp_path / "collections", port, tmp_path / "milvus.log")
    try:
        service.await_readiness(listens)
        store = loaded(f"http://127.0.0.1:{port}", COLLECTION, 15)
        if change is not None:
            change(store)
        store.close()
    finally:
        service.stop()
    database = MilvusLite(str(tmp_path / "collections"))
    try:
        collection = database.get_collection(COLLECTION)
        collection.load()
        expected = everything(collection)
        with monkeypatch.context() as patched:
            patched.setattr(Collection, "search", Collection.search)  # what is put back at the end
            patched.setattr(Collection, "_read_snapshot", Collection._read_snapshot)
            read_less()
            found = everything(collection)
    finally:
        database.close()

    assert len(expected[0][0]) > 9
    assert found == expected


def everything(collection: Any) -> list[Any]:
    """Return what dense and lexical searches find, with all sorts of filters and fields asked for."""
    names = [field.name for field in collection.schema.fields]
    return [
        collection.search([query], 20, expr=expression, output_fields=fields, anns_field=field)
        for field, query in (("vector", [0.6, 0.8]), ("search_terms", "annual holidays"))
        for expression in ('tenant == "acme"', "ordinal >= 0", 'tokens == 9 and text like "%oiled%"', None)
        for fields in (names, ["id", "text"], ["meta", "vector"], ["*"], [], None)
    ]
