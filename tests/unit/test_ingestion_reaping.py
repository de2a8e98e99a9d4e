"""What nobody needs is erased, and of a deleted document nothing is remembered."""

import pytest

from rag.errors import UpstreamUnavailable
from rag.ingestion.contracts import ReadRequest, Work, WorkRequest
from rag.models import IndexedChunk
from rag.objects import STAGING
from tests.fakes.ingestion_stage import LIVE, TENANT, IngestionStage
from tests.fakes.memory_store import MemoryStore

PATH = "handbook.md"


@pytest.fixture
def stage() -> IngestionStage:
    return IngestionStage()


def read(stage: IngestionStage, change: dict[str, object], name: str) -> Work:
    return stage.read()(ReadRequest(input=change, trace_id=name)).work


def reap(stage: IngestionStage, work: Work) -> None:
    stage.reap()(WorkRequest(work=work, trace_id="e"))


def ids(stage: IngestionStage) -> set[str]:
    return set(stage.indexes[LIVE.slug].ids(TENANT))


def test_the_version_before_goes_and_the_live_one_stays(stage: IngestionStage) -> None:
    stage.run(stage.put(PATH, "First."), "first")
    stage.run(stage.put("other.md", "Other."), "other")
    request = stage.written(stage.put(PATH, "Second."), "second")
    stage.publish()(request)
    assert len(ids(stage)) == 3

    reap(stage, request.work)

    assert ids(stage) == stage.wanted_ids(PATH) | stage.wanted_ids("other.md")
    assert list(stage.entry(PATH).versions) == [stage.entry(PATH).live_version]
    assert not list(stage.bucket.list(STAGING))


def test_a_version_that_is_being_written_is_left_alone(stage: IngestionStage) -> None:
    stage.run(stage.put(PATH, "First."), "first")
    late = stage.written(stage.delete(PATH), "delete").work
    request = stage.written(stage.put(PATH, "Second."), "second")

    reap(stage, late)

    assert stage.publish()(request).published == 1
    assert ids(stage) == stage.wanted_ids(PATH)


def test_a_superseded_work_erases_what_it_wrote_after_its_successor_had_reaped(
    stage: IngestionStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = stage.written(stage.put(PATH, "First."), "first")
    index = stage.indexes[LIVE.slug]
    late: list[IndexedChunk] = list(index.fetch(TENANT, list(ids(stage))))
    stage.run(stage.put(PATH, "Second."), "second")
    index.upsert(TENANT, late)
    monkeypatch.setattr(MemoryStore, "entries", lambda *_: ())  # what was written a moment ago need not be listed yet

    reap(stage, request.work)

    assert ids(stage) == stage.wanted_ids(PATH)


def test_a_deletion_erases_versions_of_which_the_registry_knows_nothing(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "First."), "first")
    index = stage.indexes[LIVE.slug]
    stray: list[IndexedChunk] = list(index.fetch(TENANT, list(ids(stage))))
    stage.run(stage.put(PATH, "Second."), "second")
    index.upsert(TENANT, stray)
    assert request.work.prefix

    stage.run(stage.delete(PATH), "delete")

    assert not ids(stage)


def test_a_deletion_forgets_the_cached_vectors_of_the_text(stage: IngestionStage) -> None:
    stage.run(stage.put(PATH, "First."), "first")
    stage.run(stage.put("other.md", "Other."), "other")
    stage.run(stage.delete(PATH), "delete")
    embedder = stage.embedders[LIVE.slug]
    embedder.texts.clear()

    stage.run(stage.put("again.md", "First."), "again")
    stage.run(stage.put(PATH, "First."), "back")
    stage.run(stage.put("other.md", "Other.\n"), "kept")

    assert [text.partition("\n")[0] for text in embedder.texts] == ["again.md", PATH]


def test_vectors_that_were_cached_after_the_deletion_are_forgotten_as_well(stage: IngestionStage) -> None:
    change = stage.put(PATH, "First.")
    work = read(stage, change, "first")
    batches = stage.chunk()(WorkRequest(work=work, trace_id="first")).batches
    stage.run(stage.delete(PATH), "delete")
    stage.write_batches(work, batches)

    reap(stage, work)

    embedder = stage.embedders[LIVE.slug]
    embedder.texts.clear()
    stage.run(stage.put(PATH, "First."), "back")
    assert embedder.texts


def test_what_the_index_still_shows_is_not_forgotten_by_the_registry(
    stage: IngestionStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.run(stage.put(PATH, "First."), "first")
    request = stage.written(stage.put(PATH, "Second."), "second")
    stage.publish()(request)
    with monkeypatch.context() as patch:
        patch.setattr(MemoryStore, "delete", lambda *_: None)
        with pytest.raises(UpstreamUnavailable):
            reap(stage, request.work)

    assert len(stage.entry(PATH).versions) == 2
    reap(stage, request.work)
    assert len(stage.entry(PATH).versions) == 1


def test_a_second_time_there_is_nothing_left_to_do(stage: IngestionStage) -> None:
    request = stage.written(stage.put(PATH, "First."), "first")
    stage.publish()(request)
    reap(stage, request.work)
    entry = stage.entry(PATH)

    reap(stage, request.work)

    assert stage.entry(PATH) == entry
