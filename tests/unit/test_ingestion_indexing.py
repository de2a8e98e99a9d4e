"""A chunk is written as its document is described at that moment, or not at all."""

from dataclasses import replace

import pytest

from rag.ingestion.contracts import ReadRequest, WorkRequest
from rag.ingestion.staging import Staging
from rag.models import NOBODY
from rag.registration import Origin, described
from tests.fakes.ingestion_stage import LIVE, TENANT, IngestionStage

PATH = "handbook.md"


@pytest.fixture
def stage() -> IngestionStage:
    return IngestionStage()


def groups(stage: IngestionStage) -> set[tuple[str, ...]]:
    index = stage.indexes[LIVE.slug]
    return {item.chunk.groups for item in index.fetch(TENANT, list(index.ids(TENANT)))}


def test_a_chunk_carries_the_registrys_readers_and_the_work_tells_which(stage: IngestionStage) -> None:
    told = described(stage.entry(PATH), Origin("hand"), ("hr",), {"year": 2026.0}, "now")
    assert told is not None
    stage.registry.store([told])

    request = stage.written(stage.put(PATH, "Text."), "e")

    [item] = stage.indexes[LIVE.slug].fetch(TENANT, list(stage.indexes[LIVE.slug].ids(TENANT)))
    assert (item.chunk.groups, item.chunk.metadata) == (("hr",), {"year": 2026.0})
    assert Staging(stage.bucket, request.work).attributes(0, LIVE) == {PATH: stage.entry(PATH).attributes}


def test_a_hidden_documents_chunks_are_for_nobody(stage: IngestionStage) -> None:
    change = stage.put(PATH, "Text.")
    request = stage.written(change, "e")
    stage.registry.store([replace(stage.entry(PATH), hidden=True)])

    stage.write_batches(request.work, stage.publish()(request).batches)

    assert groups(stage) == {(NOBODY,)}


def test_a_version_that_nobody_needs_is_not_written(stage: IngestionStage) -> None:
    first = stage.put(PATH, "First.")
    work = stage.read()(ReadRequest(input=first, trace_id="first")).work
    batches = stage.chunk()(WorkRequest(work=work, trace_id="first")).batches
    stage.run(stage.put(PATH, "Second."), "second")

    stage.write_batches(work, batches)

    assert set(stage.indexes[LIVE.slug].ids(TENANT)) == stage.wanted_ids(PATH)
    assert Staging(stage.bucket, work).attributes(0, LIVE) == {}
