"""The doctor: what it finds between registry and index, what it leaves alone, and that mending makes them agree."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.identity import chunk_id
from rag.index_pointer import IndexTarget
from rag.ingestion.examination import Examination, Finding
from rag.ingestion.examining import ExamineIndex
from rag.ingestion.reaping import ReapVersions
from rag.models import Chunk, IndexedChunk
from rag.objects import ObjectInfo
from rag.registration import Origin, Registration, claim, registered
from rag.vectors import unit
from ragctl.mending import Mended, Mending
from tests.fakes.ingestion_stage import LIVE, NEXT, TENANT, FakeEmbedder, IngestionStage, Watched
from tests.fakes.machine import ExecutionFailed
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.memory_store import MemoryStore

TOMORROW = "2026-11-23T12:00:00Z"
PATHS = ("a.md", "b.md", "c.md")
TEXT = "\n\n".join(f"Rule {number} says that everybody asks desk {number * 7} before noon." for number in range(6))


def stage_with(*paths: str) -> IngestionStage:
    stage = IngestionStage()
    for number, path in enumerate(paths):
        stage.run(stage.put(path, f"This is {path}.\n\n{TEXT}"), f"put-{number}")
    return stage


def examining(stage: IngestionStage, now: str = TOMORROW) -> ExamineIndex:
    return ExamineIndex(
        registry=stage.registry,
        files=MemoryRegistry(),
        pointer=stage.pointer,
        index_of=lambda target: stage.indexes[target.slug],
        clock=lambda: now,
        patience_seconds=900,
    )


def examined(stage: IngestionStage, now: str = TOMORROW) -> Examination:
    return examining(stage, now)(TENANT)


def mended(stage: IngestionStage) -> Mended:
    return mending(stage)[0]


def mending(stage: IngestionStage) -> tuple[Mended, list[str], list[str]]:
    """Return how the mending came out, the documents that were ingested by hand, and the keys that were in bulk."""
    alone: list[str] = []
    together: list[str] = []

    def in_bulk(tenant: str, listed: Sequence[ObjectInfo], documents: int) -> None:
        together.extend(info.key for info in listed)
        objects = [{"key": info.key, "size": info.size, "etag": info.etag} for info in listed]
        name = f"run-{len(together)}"
        stage.run({"run": name, "number": 0, "tenant": tenant, "objects": objects}, name)

    def by_hand(changes: Sequence[Mapping[str, Any]]) -> Iterable[str | None]:
        for change in changes:
            alone.append(change["document_id"])
            try:
                stage.run(dict(change), f"by-hand-{random.random()}")
            except ExecutionFailed as failure:
                yield str(failure)
            else:
                yield None

    reap = ReapVersions(
        stage.bucket,
        stage.registry,
        stage.pointer,
        lambda target: stage.indexes[target.slug],
        stage.cache,
        FakeEmbedder.endpoint,
    )
    return Mending(examining(stage), reap, by_hand, in_bulk)(TENANT), alone, together


def live_ids(stage: IngestionStage, path: str) -> list[str]:
    return sorted(stage.wanted_ids(path))


def entry(stage: IngestionStage, path: str) -> Registration:
    return stage.registry.load(TENANT, [path])[path]


def add_orphan(stage: IngestionStage, path: str, version: str, ordinal: int, target: IndexTarget = LIVE) -> str:
    name = chunk_id(TENANT, path, version, ordinal)
    chunk = Chunk(name, path, version, ordinal, path, path, "left over", 2, 0, 9)
    stage.indexes[target.slug].upsert(TENANT, [IndexedChunk(chunk, unit([1.0] * target.dimensions))])
    return name


def test_where_registry_and_index_agree_nothing_is_found() -> None:
    found = examined(stage_with(*PATHS))

    assert found.ok
    assert (found.tenants, found.documents, found.findings) == (1, 3, ())
    assert found.chunks > 3


def test_all_tenants_are_examined_unless_one_is_named() -> None:
    stage = stage_with("a.md")
    stage.registry.store([Registration("globex", "b.md", updated_at=TOMORROW)])

    assert examining(stage)().tenants == 2


def test_a_chunk_of_a_version_that_the_registry_does_not_know_is_an_orphan() -> None:
    stage = stage_with("a.md")
    add_orphan(stage, "a.md", "0-gone", 0)
    add_orphan(stage, "a.md", "0-gone", 1)

    found = examined(stage)

    assert found.orphans == 2
    assert found.findings == (Finding("orphan", TENANT, "a.md", 2, LIVE.slug),)


def test_a_chunk_beyond_the_count_of_its_version_is_an_orphan() -> None:
    stage = stage_with("a.md")
    add_orphan(stage, "a.md", entry(stage, "a.md").live_version, 99)

    assert examined(stage).orphans == 1


def test_a_chunk_under_an_id_that_is_not_its_own_is_an_orphan() -> None:
    stage = stage_with("a.md")
    stranger = Chunk("by hand", "a.md", entry(stage, "a.md").live_version, 0, "a", "a.md", "x", 1, 0, 1)
    stage.indexes[LIVE.slug].upsert(TENANT, [IndexedChunk(stranger, unit([1.0] * LIVE.dimensions))])

    assert examined(stage).orphans == 1


@pytest.mark.parametrize("change", ["replaced", "deleted", "new"])
def test_ingestions_between_any_two_questions_of_an_examination_make_no_finding(change: str) -> None:
    first, questions = 0, 1
    while first < questions:
        second, questions = first, first + 1
        while second < questions:
            questions = _changed_while_examined(change, {first, second})
            second += 1
        first += 1
    assert questions > 5


def _changed_while_examined(change: str, moments: set[int]) -> int:
    """Examine, change a document at these questions to registry or index, and return how many questions there were."""
    stage = stage_with("a.md", "b.md")
    questions = 0

    def asked() -> None:
        nonlocal questions
        if questions in moments:
            text = f"Changed before question {questions}.\n\n{TEXT}"
            event = {
                "replaced": lambda: stage.put("a.md", text),
                "deleted": lambda: stage.delete("a.md"),
                "new": lambda: stage.put("c.md", text),
            }[change]()
            stage.run(event, f"meanwhile-{questions}")
        questions += 1

    plain = examining(stage)
    index: Any = Watched(stage.indexes[LIVE.slug], ("ids", "fetch"), asked)
    registry: Any = Watched(stage.registry, ("documents", "load"), asked)
    found = replace(plain, registry=registry, index_of=lambda _: index)(TENANT, delete_orphans=True)

    assert found.ok, (moments, found.findings)
    assert set(stage.indexes[LIVE.slug].ids(TENANT)) == {n for p in PATHS for n in stage.wanted_ids(p)}
    return questions


def test_a_chunk_of_a_live_version_that_is_gone_is_missing() -> None:
    stage = stage_with("a.md")
    stage.indexes[LIVE.slug].delete(TENANT, live_ids(stage, "a.md")[:2])

    found = examined(stage)

    assert found.missing == 2
    assert found.findings == (Finding("missing", TENANT, "a.md", 2, LIVE.slug),)


def test_what_the_next_collection_lacks_is_no_discrepancy_but_what_it_has_too_much_is() -> None:
    stage = stage_with("a.md")
    stage.pointer.store(replace(stage.pointer.read(), next=NEXT))

    filling = examined(stage)
    add_orphan(stage, "a.md", "0-gone", 0, NEXT)

    assert filling.ok
    assert filling.unfilled == entry(stage, "a.md").chunks
    assert examined(stage).orphans == 1


def test_a_document_is_stuck_when_it_has_been_indexing_for_too_long() -> None:
    stage = stage_with("a.md")
    started = claim(entry(stage, "a.md"), Origin("somebody"), "a.md", "documents/acme/a.md", "2026-11-22T12:00:00Z")
    stage.registry.store([started.entry])

    assert examined(stage, "2026-11-22T12:10:00Z").ok
    found = examined(stage, "2026-11-22T12:20:00Z")

    assert found.stuck == 1
    assert found.findings[0].detail == "indexing since 2026-11-22T12:00:00Z"


def broken_off(stage: IngestionStage, *paths: str) -> None:
    known = [entry(stage, path) for path in paths]
    stage.registry.store(
        [claim(one, Origin(f"later {one.key}"), one.source, one.key, one.updated_at).entry for one in known]
    )


def test_many_stuck_documents_are_mended_in_one_run() -> None:
    paths = [f"{number:02}.md" for number in range(12)]
    stage = stage_with(*paths, "gone.md")
    broken_off(stage, *paths, "gone.md")
    stage.delete("gone.md")

    outcome, alone, together = mending(stage)

    assert together == [f"documents/{TENANT}/{path}" for path in paths]
    assert alone == ["gone.md"]
    assert (outcome.before.stuck, outcome.after.stuck) == (13, 0)
    assert {entry(stage, path).status for path in paths} == {"ready"}
    assert list(outcome.failures) == [(TENANT, "gone.md")]


def test_a_few_stuck_documents_are_mended_one_by_one() -> None:
    stage = stage_with(*PATHS)
    broken_off(stage, *PATHS)

    outcome, alone, together = mending(stage)

    assert (sorted(alone), together, outcome.after.ok) == (list(PATHS), [], True)


def test_a_run_takes_what_is_stuck_and_not_missing_as_well() -> None:
    paths = [f"{number:02}.md" for number in range(12)]
    stage = stage_with(*paths)
    lost = entry(stage, "00.md")
    broken_off(stage, *paths)
    stage.indexes[LIVE.slug].delete(TENANT, live_ids(stage, "00.md"))

    outcome, alone, _ = mending(stage)

    assert lost.live_version != entry(stage, "00.md").live_version
    assert (alone, outcome.after.ok) == (["00.md"], True)


def test_a_document_is_stuck_when_the_index_does_not_follow_its_sidecar() -> None:
    stage = stage_with("a.md")
    stage.registry.store([replace(entry(stage, "a.md"), groups=("hr",))])

    assert examined(stage).stuck == 1
    assert mended(stage).after.ok
    assert not stage.seen_by()
    assert stage.seen_by("hr")


def test_versions_that_nobody_needs_are_found_when_nobody_is_about_to_reap_them() -> None:
    stage = stage_with("a.md")
    known = entry(stage, "a.md")
    stage.registry.store([replace(known, versions={**known.versions, "0-old": 2})])
    add_orphan(stage, "a.md", "0-old", 0)

    assert examined(stage, "2026-11-22T12:10:00Z").ok
    assert examined(stage).unreaped == 1
    assert mended(stage).after.ok
    assert entry(stage, "a.md").versions == known.versions


def test_a_document_whose_object_is_gone_cannot_be_mended_and_that_is_told() -> None:
    stage = stage_with("a.md")
    stage.indexes[LIVE.slug].delete(TENANT, live_ids(stage, "a.md")[:1])
    stage.bucket.delete(["documents/acme/a.md"])

    result = mended(stage)

    assert not result.after.ok
    assert result.failures == {(TENANT, "a.md"): "Its object is no longer in the bucket. Upload the file again."}


def test_the_first_thousand_documents_of_a_kind_are_listed_and_all_are_counted() -> None:
    stage = IngestionStage()
    stage.registry.store([Registration(TENANT, "a.md", updated_at=TOMORROW)])
    for number in range(1_100):
        add_orphan(stage, f"{number}.md", "0-gone", 0)

    found = examined(stage)

    assert (found.orphans, len(found.findings)) == (1_100, 1_000)


Damage = tuple[str, str, int]


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["orphan", "missing", "stuck", "unreaped", "broken off", "deleted"]),
            st.sampled_from(PATHS),
            st.integers(0, 5),
        ),
        max_size=6,
    )
)
def test_after_mending_whatever_is_damaged_registry_and_index_agree(damages: list[Damage]) -> None:
    stage = stage_with(*PATHS)
    for number, damage in enumerate(damages):
        _inflict(stage, damage, number)

    result = mended(stage)

    assert result.after.ok, result.after.findings
    assert not result.failures
    wanted = {name for path in PATHS for name in stage.wanted_ids(path)}
    assert set(stage.indexes[LIVE.slug].ids(TENANT)) == wanted
    assert all(entry(stage, path).status in ("ready", "deleted") for path in PATHS)
    assert all(not entry(stage, path).unreaped for path in PATHS)


def _inflict(stage: IngestionStage, damage: Damage, number: int) -> None:
    kind, path, size = damage
    known = entry(stage, path)
    index = stage.indexes[LIVE.slug]
    match kind:
        case "orphan":
            for ordinal in range(size):
                add_orphan(stage, path, f"0-orphan-{number}", ordinal)
        case "missing":
            index.delete(TENANT, live_ids(stage, path)[:size])
        case "stuck" if known.status != "deleted":
            stage.registry.store([_claimed(known, number)])
        case "broken off" if known.status != "deleted":
            writing = registered(_claimed(known, number), known.turn + 1, size)
            assert writing is not None
            stage.registry.store([writing])
            for ordinal in range(size):
                add_orphan(stage, path, writing.version, ordinal)
        case "unreaped":
            stage.registry.store([replace(known, versions={**known.versions, f"0-old-{number}": size})])
            for ordinal in range(size):
                add_orphan(stage, path, f"0-old-{number}", ordinal)
        case "deleted":
            stage.run(stage.delete(path), f"delete-{number}")


def _claimed(known: Registration, number: int) -> Registration:
    origin = Origin(f"broken off {number}")
    return claim(known, origin, known.source, known.key, "2026-11-22T12:00:00Z").entry


def test_an_examination_that_cannot_read_the_index_says_so() -> None:
    stage = stage_with("a.md")

    class Silent(MemoryStore):
        def ids(self, tenant: str) -> Any:
            raise TimeoutError(tenant)

    stage.indexes[LIVE.slug] = Silent(LIVE.dimensions)

    with pytest.raises(TimeoutError):
        examined(stage)
