"""A version goes live when every collection shows all of it, described as the registry describes it then."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import msgspec
import pytest

from rag.errors import UpstreamUnavailable
from rag.index_pointer import IndexPointer
from rag.ingestion.contracts import WorkRequest
from rag.ingestion.results import read_results
from rag.models import IndexedChunk
from rag.registration import Registration
from tests.fakes.ingestion_stage import LIVE, NEXT, TENANT, IngestionStage

PATH = "handbook.md"


@pytest.fixture
def stage() -> IngestionStage:
    return IngestionStage()


def regroup(stage: IngestionStage, *groups: str) -> None:
    stage.run(stage.put_sidecar(PATH, *groups), "sidecar")


def test_what_is_complete_goes_live(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "Text."), "e")
    assert not stage.seen_by()

    response = stage.publish()(request)

    assert (response.next, response.published, response.batches) == ("reap", 1, [])
    assert [one.chunk.text for one in stage.seen_by()] == ["Text."]
    assert (stage.entry(PATH).status, stage.entry(PATH).chunks) == ("ready", 1)


def test_a_second_time_changes_nothing(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "Text."), "e")
    first = stage.publish()(request)
    entry = stage.entry(PATH)

    assert stage.publish()(request) == first
    assert stage.entry(PATH) == entry


def test_a_sidecar_in_between_has_the_batches_indexed_again_first(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "Text."), "e")
    regroup(stage, "hr")

    response = stage.publish()(request)

    assert (response.next, response.published) == ("index", 0)
    assert not stage.seen_by("hr")
    stage.write_batches(request.work, response.batches)
    assert stage.publish()(request).next == "reap"
    assert [one.chunk.groups for one in stage.seen_by("hr")] == [("hr",)]


def test_a_collection_that_comes_while_versions_go_live_is_written_afterwards(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "Text."), "e")
    publish = stage.publish()
    store = stage.registry.store

    def store_and_add_a_collection(entries: Sequence[Registration]) -> Mapping[str, Registration]:
        stage.pointer.store(replace(stage.pointer.read(), next=NEXT))
        return store(entries)

    stage.registry.store = store_and_add_a_collection  # type: ignore[method-assign]
    response = publish(request)

    assert (response.next, [batch.target for batch in response.batches]) == ("index", [NEXT])
    stage.write_batches(request.work, response.batches)
    assert publish(request).next == "reap"
    assert len(list(stage.indexes[NEXT.slug].ids(TENANT))) == 1


def test_a_collection_that_came_in_between_is_written_first(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "Text."), "e")
    stage.pointer.store(IndexPointer(LIVE, NEXT))

    response = stage.publish()(request)

    assert [(batch.batch, batch.target) for batch in response.batches] == [(0, NEXT)]
    stage.write_batches(request.work, response.batches)
    assert stage.publish()(request).published == 1
    assert set(stage.indexes[NEXT.slug].ids(TENANT)) == stage.wanted_ids(PATH)


def test_what_the_index_does_not_show_yet_is_not_published(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "Text."), "e")
    index = stage.indexes[LIVE.slug]
    late: list[IndexedChunk] = list(index.fetch(TENANT, list(index.ids(TENANT))))
    index.delete(TENANT, [item.chunk.chunk_id for item in late])

    with pytest.raises(UpstreamUnavailable):
        stage.publish()(request)

    assert not stage.entry(PATH).live_version
    index.upsert(TENANT, late)
    assert stage.publish()(request).published == 1


def test_a_version_whose_turn_is_over_stays_unpublished(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "First."), "e")
    stage.run(stage.put(PATH, "Second."), "second")

    response = stage.publish()(request)

    assert (response.next, response.published, response.superseded) == ("reap", 0, 1)
    assert [one.chunk.text for one in stage.seen_by()] == ["Second."]


def test_a_run_is_told_of_each_document_and_of_what_it_took(stage: IngestionStage) -> None:
    stage.put(PATH, "Text.")
    info = stage.bucket.info(f"documents/{TENANT}/{PATH}")
    assert info is not None
    item = {"run": "r", "number": 4, "tenant": TENANT, "objects": [{"key": info.key, "size": 5, "etag": info.etag}]}

    stage.publish()(stage.written(item, "e"))

    [report] = [report for number, step, report in read_results(stage.bucket, "r") if (number, step) == (4, "publish")]
    assert [(one.document_id, one.status, one.chunks) for one in report.documents] == [(PATH, "ready", 1)]
    assert (report.spent.embedded, report.spent.reused, report.spent.tokens) == (1, 0, 1)


def test_a_work_that_never_came_so_far_publishes_nothing(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "Text."), "e")
    elsewhere = msgspec.structs.replace(request.work, prefix=f"staging/{TENANT}/other")

    assert stage.publish()(WorkRequest(work=elsewhere, trace_id="e")).published == 0
