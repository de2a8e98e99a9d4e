"""Another embedding model: filled beside the live collection while documents change, and live when it is complete."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import PlanRequest
from rag.ingestion.examining import ExamineIndex
from rag.ingestion.planning import PlanIngest
from rag.registration import Registration
from ragctl.failure import Failure
from ragctl.reindexing import Reindexing
from tests.fakes.ingestion_stage import BUCKET, LIVE, NEXT, TENANT, IngestionStage
from tests.fakes.memory_registry import MemoryRegistry

PATHS = ("a.md", "b.md", "c.md")
TEXT = "\n\n".join(f"Rule {number} says that everybody asks desk {number * 7} before noon." for number in range(6))
NOON = "2026-11-22T12:00:00Z"


def stage_with(*paths: str) -> IngestionStage:
    stage = IngestionStage()
    for number, path in enumerate(paths):
        stage.run(stage.put(path, f"This is {path}.\n\n{TEXT}"), f"put-{number}")
    return stage


def reindexing(stage: IngestionStage, meanwhile: Callable[[], None] = lambda: None) -> Reindexing:
    """Return a reindexing during whose runs, between planning and copying, something else happens."""
    runs: list[str] = []

    def fill(target: IndexTarget, tenant: str | None) -> None:
        run = f"run{len(runs)}"
        runs.append(run)
        wanted = {"model": target.model, "dimensions": target.dimensions, "host": target.host}
        plan = PlanIngest(stage.bucket, stage.registry, MemoryRegistry(), BUCKET)
        named = {"tenant": tenant} if tenant else {}
        planned = plan(PlanRequest(input={"run": run, "reindex": wanted, **named}, trace_id=run))
        meanwhile()
        content = stage.bucket.read(planned.items_key)
        assert content is not None
        for item in json.loads(content.data):
            stage.run(item, f"{run}-{item['number']}")

    examine = ExamineIndex(
        stage.registry, MemoryRegistry(), stage.pointer, lambda target: stage.indexes[target.slug], lambda: NOON
    )
    return Reindexing(stage.pointer, examine, fill)


def held(stage: IngestionStage, target: IndexTarget) -> set[str]:
    return set(stage.indexes[target.slug].ids(TENANT))


def wanted(stage: IngestionStage, paths: Sequence[str] = PATHS) -> set[str]:
    return {name for path in paths for name in stage.wanted_ids(path)}


def test_the_next_collection_holds_every_live_version_before_readers_search_it() -> None:
    stage = stage_with(*PATHS)
    versions = {path: stage.registry.load(TENANT, [path])[path].live_version for path in PATHS}
    move = reindexing(stage)

    move.begin(NEXT)
    before = {one.chunk.text for one in stage.seen_by()}
    found = move.complete(NEXT)

    assert stage.pointer.read().live == LIVE
    assert (found.ok, found.unfilled) == (True, 0)
    assert held(stage, NEXT) == wanted(stage) == held(stage, LIVE)
    assert move.switch(NEXT) == LIVE
    assert (stage.pointer.read().live, stage.pointer.read().next) == (NEXT, None)
    assert {one.chunk.text for one in stage.seen_by()} == before
    assert {path: stage.registry.load(TENANT, [path])[path].live_version for path in PATHS} == versions


def test_who_may_read_a_document_is_copied_as_it_is_now() -> None:
    stage = stage_with("a.md")
    stage.run(stage.put_sidecar("a.md", "hr"), "sidecar")
    move = reindexing(stage)

    move.begin(NEXT)
    move.complete(NEXT)
    move.switch(NEXT)

    assert not stage.seen_by()
    assert stage.seen_by("hr")


def test_documents_that_change_come_and_go_meanwhile_are_right_afterwards() -> None:
    stage = stage_with(*PATHS)

    def meanwhile() -> None:
        stage.run(stage.put("a.md", f"a.md has changed.\n\n{TEXT}"), "change")
        stage.run(stage.delete("b.md"), "delete")
        stage.run(stage.put("d.md", f"d.md is new.\n\n{TEXT}"), "new")

    move = reindexing(stage, meanwhile)
    move.begin(NEXT)
    move.complete(NEXT)
    move.switch(NEXT)

    assert held(stage, NEXT) == wanted(stage, ("a.md", "c.md", "d.md"))
    texts = " ".join(one.chunk.text for one in stage.seen_by())
    assert "a.md has changed" in texts
    assert "d.md is new" in texts
    assert "b.md" not in texts


def test_what_was_published_on_the_way_into_the_old_collection_alone_is_filled_by_another_round() -> None:
    stage = stage_with("a.md")
    rounds: list[int] = []

    def meanwhile() -> None:  # an execution that read the pointer before the reindexing began
        if not rounds:
            pointer = stage.pointer.read()
            stage.pointer.store(replace(pointer, next=None))
            stage.run(stage.put("late.md", f"late.md\n\n{TEXT}"), "late")
            stage.pointer.store(replace(stage.pointer.read(), next=NEXT))
        rounds.append(1)

    move = reindexing(stage, meanwhile)
    move.begin(NEXT)
    move.complete(NEXT)

    assert len(rounds) == 2
    assert held(stage, NEXT) == wanted(stage, ("a.md", "late.md"))


def test_a_reindexing_may_begin_between_any_two_writes_of_an_ingestion() -> None:
    write, writes = 0, 1
    while write < writes:
        writes = _begun_during_an_ingestion(write)
        write += 1
    assert writes > 20


def _begun_during_an_ingestion(write: int) -> int:
    """Begin a reindexing at this write of a document's ingestion, and return how many writes there were."""
    stage = stage_with("a.md")
    move = reindexing(stage)
    writes = 0

    def begin_once() -> None:
        nonlocal writes
        if writes == write:
            move.begin(NEXT)
        writes += 1

    stage.announce = begin_once
    stage.run(stage.put("a.md", f"a.md has changed.\n\n{TEXT}"), "change")
    stage.announce = lambda: None
    move.complete(NEXT)
    move.switch(NEXT)

    assert "a.md has changed" in " ".join(one.chunk.text for one in stage.seen_by())
    assert held(stage, NEXT) == wanted(stage, ("a.md",))
    assert stage.registry.load(TENANT, ["a.md"])["a.md"].status == "ready"
    return writes


def test_what_an_earlier_attempt_left_in_the_next_collection_goes() -> None:
    stage = stage_with("a.md", "b.md")
    move = reindexing(stage)
    move.begin(NEXT)
    move.complete(NEXT)
    assert move.abort() == NEXT
    stage.run(stage.delete("b.md"), "delete")

    move.begin(NEXT)
    move.complete(NEXT)

    assert held(stage, NEXT) == wanted(stage, ("a.md",))


def test_readers_stay_where_they_are_when_the_live_collection_itself_lacks_chunks() -> None:
    stage = stage_with("a.md")
    stage.indexes[LIVE.slug].delete(TENANT, sorted(stage.wanted_ids("a.md"))[:1])
    move = reindexing(stage)

    move.begin(NEXT)
    with pytest.raises(Failure, match="rag doctor --fix"):
        move.complete(NEXT)

    assert stage.pointer.read().live == LIVE


def test_only_one_collection_is_filled_at_a_time_and_not_the_live_one() -> None:
    move = reindexing(stage_with("a.md"))
    with pytest.raises(Failure, match="live already"):
        move.begin(LIVE)

    move.begin(NEXT)
    move.begin(NEXT)
    with pytest.raises(Failure, match="--abort"):
        move.begin(IndexTarget(model="other", dimensions=4))


def test_there_is_no_switch_once_somebody_has_given_up() -> None:
    stage = stage_with("a.md")
    move = reindexing(stage)
    move.begin(NEXT)
    move.complete(NEXT)

    assert move.abort() == NEXT
    assert move.abort() is None
    with pytest.raises(Failure, match="meanwhile"):
        move.switch(NEXT)
    assert stage.pointer.read().live == LIVE


def test_a_pointer_that_somebody_else_changes_is_left_alone() -> None:
    stage = stage_with("a.md")
    move = reindexing(stage)

    class Raced:
        """The pointer, which somebody changes between reading and storing."""

        def read(self) -> Any:
            return stage.pointer.read()

        def store(self, pointer: Any) -> bool:
            stage.pointer.store(stage.pointer.read())
            return stage.pointer.store(pointer)

    with pytest.raises(Failure, match="just now"):
        replace(move, pointer=Raced()).begin(NEXT)


def test_documents_of_many_chunks_are_copied_by_executions_of_their_own() -> None:
    stage = IngestionStage()
    sizes = {"a": 19_000, "b": 900, "c": 200, "d": 30_000, "e": 1}
    stage.registry.store([Registration(TENANT, n, live_version="1", versions={"1": s}) for n, s in sizes.items()])
    plan = PlanIngest(stage.bucket, stage.registry, MemoryRegistry(), BUCKET)
    wanted = {"model": NEXT.model, "dimensions": NEXT.dimensions, "host": ""}

    planned = plan(PlanRequest(input={"run": "run", "reindex": wanted}, trace_id="run"))

    content = stage.bucket.read(planned.items_key)
    assert content is not None
    items = [item["copy"]["documents"] for item in json.loads(content.data)]
    assert items == [["a", "b"], ["c"], ["d"], ["e"]]
