"""A sidecar that comes later reaches the index without anything being embedded."""

from typing import Any

import pytest

from rag.index_pointer import IndexPointer
from rag.ingestion.contracts import ReadRequest, WorkRequest
from tests.fakes.ingestion_stage import LIVE, NEXT, TENANT, IngestionStage
from tests.fakes.memory_store import MemoryStore

PATH = "handbook.md"


@pytest.fixture
def stage() -> IngestionStage:
    return IngestionStage()


def groups(stage: IngestionStage, slug: str = LIVE.slug) -> set[tuple[str, ...]]:
    index = stage.indexes[slug]
    return {item.chunk.groups for item in index.fetch(TENANT, list(index.ids(TENANT)))}


def test_groups_reach_every_collection_and_nothing_is_embedded(stage: IngestionStage) -> None:
    stage.pointer.store(IndexPointer(LIVE, NEXT))
    stage.run(stage.put(PATH, "Text."), "first")
    for embedder in stage.embedders.values():
        embedder.texts.clear()

    stage.run(stage.put_sidecar(PATH, "hr"), "sidecar")

    assert groups(stage, LIVE.slug) == groups(stage, NEXT.slug) == {("hr",)}
    assert stage.entry(PATH).indexed_attributes == stage.entry(PATH).attributes
    assert not any(embedder.texts for embedder in stage.embedders.values())
    assert stage.seen_by("hr")
    assert not stage.seen_by()


def test_a_group_is_shut_out_before_the_index_follows(stage: IngestionStage) -> None:
    stage.run(stage.put(PATH, "Text."), "first")

    stage.read()(ReadRequest(input=stage.put_sidecar(PATH, "hr"), trace_id="sidecar"))

    assert groups(stage) == {()}
    assert not stage.seen_by()


def test_what_is_described_anew_meanwhile_is_written_again(
    stage: IngestionStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run(stage.put(PATH, "Text."), "first")
    work = stage.read()(ReadRequest(input=stage.put_sidecar(PATH, "hr"), trace_id="one")).work
    upsert = MemoryStore.upsert

    def described_meanwhile(*arguments: Any) -> None:
        monkeypatch.setattr(MemoryStore, "upsert", upsert)
        stage.read()(ReadRequest(input=stage.put_sidecar(PATH, "it"), trace_id="two"))
        upsert(*arguments)

    monkeypatch.setattr(MemoryStore, "upsert", described_meanwhile)
    stage.regroup()(WorkRequest(work=work, trace_id="one"))

    assert groups(stage) == {("it",)}


def test_chunks_that_were_reaped_meanwhile_are_not_brought_back(
    stage: IngestionStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run(stage.put(PATH, "Text."), "first")
    work = stage.read()(ReadRequest(input=stage.put_sidecar(PATH, "hr"), trace_id="one")).work
    upsert = MemoryStore.upsert

    def deleted_meanwhile(*arguments: Any) -> None:
        monkeypatch.setattr(MemoryStore, "upsert", upsert)
        stage.run(stage.delete(PATH), "delete")
        upsert(*arguments)

    monkeypatch.setattr(MemoryStore, "upsert", deleted_meanwhile)
    stage.regroup()(WorkRequest(work=work, trace_id="one"))

    assert not list(stage.indexes[LIVE.slug].ids(TENANT))
