"""Another collection is filled from the live one, and what readers see stays as it is meanwhile."""

from typing import Any

import pytest

from rag.index_pointer import IndexPointer
from rag.ingestion.contracts import ReadRequest, WorkRequest
from rag.ingestion.results import read_results
from tests.fakes.ingestion_stage import LIVE, NEXT, TENANT, IngestionStage

PATH = "handbook.md"
TEXT = "\n\n".join(f"Rule {number} says that everybody asks desk {number * 7} before noon." for number in range(9))


@pytest.fixture
def stage() -> IngestionStage:
    stage = IngestionStage()
    stage.run(stage.put_sidecar(PATH, "hr"), "sidecar")
    stage.run(stage.put(PATH, TEXT), "first")
    stage.pointer.store(IndexPointer(LIVE, NEXT))
    return stage


def item(*paths: str) -> dict[str, Any]:
    return {"run": "r", "number": 0, "tenant": TENANT, "copy": {"documents": list(paths)}}


def test_the_next_collection_holds_the_same_chunks_for_the_same_readers(stage: IngestionStage) -> None:
    entry = stage.entry(PATH)

    stage.run(item(PATH), "copy")

    chunks = [
        {found.chunk.chunk_id: found.chunk for found in index.fetch(TENANT, sorted(stage.wanted_ids(PATH)))}
        for index in stage.indexes.values()
    ]
    assert chunks[0] == chunks[1]
    assert len(chunks[0]) == entry.chunks > 1
    assert stage.entry(PATH) == entry


def test_a_version_that_was_replaced_meanwhile_is_taken_back(stage: IngestionStage) -> None:
    work = stage.read()(ReadRequest(input=item(PATH), trace_id="copy")).work
    batches = stage.copy()(WorkRequest(work=work, trace_id="copy")).batches
    stage.write_batches(work, batches)
    stage.run(stage.put(PATH, "Second."), "second")

    response = stage.publish()(WorkRequest(work=work, trace_id="copy"))
    stage.write_batches(work, batches)
    stage.reap()(WorkRequest(work=work, trace_id="copy"))

    assert (response.published, response.superseded) == (0, 1)
    for index in stage.indexes.values():
        assert set(index.ids(TENANT)) == stage.wanted_ids(PATH)


def test_a_document_of_which_chunks_are_missing_is_reported(stage: IngestionStage) -> None:
    stage.indexes[LIVE.slug].delete(TENANT, [min(stage.wanted_ids(PATH))])

    stage.run(item(PATH), "copy")

    reasons = [one.reason for _, _, report in read_results(stage.bucket, "r") for one in report.documents if one.reason]
    assert reasons == ["The index lacks chunks of it: reindex the document first."]


def test_without_a_next_collection_there_is_nothing_to_do(stage: IngestionStage) -> None:
    stage.pointer.store(IndexPointer(LIVE, revision=1))

    stage.run(item(PATH), "copy")

    assert not list(stage.indexes[NEXT.slug].ids(TENANT))
