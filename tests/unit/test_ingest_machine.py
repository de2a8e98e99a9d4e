"""The ingestion machines, run on scripted functions: which states follow on what, and how each fails."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rag import errors
from ragctl.checks import state_machine
from tests.fakes.machine import ExecutionFailed, Functions, Machine

DEFINITIONS = Path(__file__).parents[2] / "statemachine"
INGEST: dict[str, Any] = json.loads((DEFINITIONS / "ingest.asl.json").read_text())
BULK: dict[str, Any] = json.loads((DEFINITIONS / "ingest_bulk.asl.json").read_text())

WORK = {"tenant": "acme", "prefix": "staging/acme/execution", "run": None, "number": None}
TARGET = {"model": "m", "dimensions": 8, "host": ""}
EMBEDDED = {"chunks": 4, "embedded": 3, "reused": 1, "tokens": 40, "cost_usd": None}
READ = {"work": WORK, "next": "chunk", "documents": 1, "unchanged": 0, "failed": 0, "superseded": 0}
PUBLISHED = {"work": WORK, "next": "reap", "batches": [], "published": 1, "superseded": 0}
DONE = {"work": WORK, "documents": 1}
PLANNED = {"run": "r", "tenant": "acme", "bucket": "b", "items_key": "runs/r/items.json", "items": 2}
SUMMARY = {
    "run": "r", "documents": 2, "ready": 2, "unchanged": 0, "failed": 0, "deleted": 0, "superseded": 0, "chunks": 8,
    "embedded": 6, "reused": 2, "tokens": 80, "cost_usd": None, "failures": [],
}  # fmt: skip
ITEMS = [{"run": "r", "number": number} for number in (0, 1)]


def batches(count: int) -> list[dict[str, Any]]:
    return [{"batch": number, "target": TARGET} for number in range(count)]


class Script:
    """Functions that answer what they are told to, and remember what they were asked."""

    def __init__(self, **answers: Any) -> None:
        chunked = {"work": WORK, "batches": batches(2), "chunks": 8}
        self._answers = {
            "PlanIngest": PLANNED, "ReadDocument": READ, "ChunkDocument": chunked, "CopyChunks": chunked,
            "EmbedChunks": EMBEDDED, "IndexChunks": {"chunks": 4}, "PublishVersion": PUBLISHED, "ReapVersions": DONE,
            "RegroupChunks": DONE, "FailDocument": DONE, "FinishIngest": SUMMARY,
        } | answers  # fmt: skip
        self.asked: dict[str, list[Any]] = {}

    @property
    def functions(self) -> Functions:
        return {name: self._function(name, answer) for name, answer in self._answers.items()}

    def _function(self, name: str, answer: Any) -> Callable[[Any], Any]:
        def function(event: Any) -> Any:
            self.asked.setdefault(name, []).append(event)
            told = next(answer) if isinstance(answer, Iterator) else answer
            if isinstance(told, Exception):
                raise told
            return told

        return function


def ingest(script: Script, execution_input: Any = None) -> tuple[Any, list[str]]:
    machine = Machine(INGEST, script.functions)
    return machine.run({"any": "event"} if execution_input is None else execution_input), machine.visited


def failure(script: Script, execution_input: Any = None) -> ExecutionFailed:
    with pytest.raises(ExecutionFailed) as caught:
        ingest(script, execution_input)
    return caught.value


def tasks(visited: list[str]) -> list[str]:
    kinds = {name: state["Type"] for name, state in state_machine.states(BULK)}
    return [name for name in visited if kinds[name] == "Task"]


def test_a_new_document_goes_through_every_state_in_order() -> None:
    script = Script()

    output, visited = ingest(script, {"detail": "an event"})

    batch = ["EmbedChunks", "IndexChunks"]
    assert tasks(visited) == ["ReadDocument", "ChunkDocument", *batch, *batch, "PublishVersion", "ReapVersions"]
    assert script.asked["ReadDocument"] == [{"input": {"detail": "an event"}, "trace_id": "execution"}]
    assert script.asked["EmbedChunks"] == [{"work": WORK, **one, "trace_id": "execution"} for one in batches(2)]
    assert script.asked["IndexChunks"] == script.asked["EmbedChunks"]
    assert script.asked["PublishVersion"] == [{"work": WORK, "trace_id": "execution"}]
    assert script.asked["ReapVersions"] == script.asked["PublishVersion"]
    assert output == {}


@pytest.mark.parametrize(
    ("following", "states"),
    [
        ("copy", ["CopyChunks", *["EmbedChunks", "IndexChunks"] * 2, "PublishVersion", "ReapVersions"]),
        ("regroup", ["RegroupChunks"]),
        ("reap", ["ReapVersions"]),
        ("done", []),
    ],
)
def test_what_was_read_decides_what_follows(following: str, states: list[str]) -> None:
    output, visited = ingest(Script(ReadDocument={**READ, "next": following}))

    assert tasks(visited) == ["ReadDocument", *states]
    assert output == {}


def test_a_work_without_a_chunk_is_published_all_the_same() -> None:
    _, visited = ingest(Script(ChunkDocument={"work": WORK, "batches": [], "chunks": 0}))

    assert tasks(visited) == ["ReadDocument", "ChunkDocument", "PublishVersion", "ReapVersions"]


def test_what_changed_meanwhile_is_embedded_where_it_has_to_be_indexed_again_and_then_published() -> None:
    outdated = {**PUBLISHED, "next": "index", "batches": batches(1)}
    script = Script(PublishVersion=iter([outdated, outdated, PUBLISHED]))

    _, visited = ingest(script)

    again = ["EmbedChunksAgain", "IndexChunksAgain", "PublishVersion"]
    assert tasks(visited)[-8:] == ["PublishVersion", *again, *again, "ReapVersions"]
    assert len(script.asked["EmbedChunks"]) == 4
    assert script.asked["PublishVersion"][0] == script.asked["PublishVersion"][2]


def permanent() -> errors.RagError:
    return errors.QuotaExhausted("The account is out of credit.")


@pytest.mark.parametrize("task", ["ChunkDocument", "EmbedChunks", "IndexChunks", "PublishVersion", "ReapVersions"])
def test_a_failure_is_written_into_the_registry_and_reported_by_name(task: str) -> None:
    script = Script(**{task: permanent()})

    ended = failure(script, {"an": "input"})

    assert (ended.error, ended.cause) == ("QuotaExhausted", "The account is out of credit.")
    (noted,) = script.asked["FailDocument"]
    cause = noted.pop("cause")
    assert json.loads(cause)["errorMessage"] == "The account is out of credit."
    assert noted == {"input": {"an": "input"}, "work": WORK, "error": "QuotaExhausted", "trace_id": "execution"}
    assert task == "ReapVersions" or "ReapVersions" not in script.asked


@pytest.mark.parametrize(("following", "task"), [("copy", "CopyChunks"), ("regroup", "RegroupChunks")])
def test_a_failure_off_the_main_road_is_written_down_too(following: str, task: str) -> None:
    script = Script(ReadDocument={**READ, "next": following}, **{task: permanent()})

    assert failure(script).error == "QuotaExhausted"
    assert script.asked["FailDocument"][0]["work"] == WORK


def test_a_failure_of_indexing_again_is_written_down_too() -> None:
    again = {**PUBLISHED, "next": "index", "batches": batches(1)}
    script = Script(PublishVersion=again, IndexChunks=iter([{"chunks": 4}, {"chunks": 4}, permanent()]))

    assert failure(script).error == "QuotaExhausted"
    assert script.asked["FailDocument"][0]["work"] == WORK


@pytest.mark.parametrize("execution_input", [{"key": "x"}, [1], "text", 7])
def test_where_nothing_was_read_there_is_no_work_but_the_input(execution_input: Any) -> None:
    script = Script(ReadDocument=errors.InvalidRequest("The input is malformed."))

    assert failure(script, execution_input).error == "InvalidRequest"
    (noted,) = script.asked["FailDocument"]
    assert (noted["input"], noted["work"]) == (execution_input, None)


def test_a_failure_that_cannot_be_written_down_does_not_hide_the_first_one() -> None:
    script = Script(EmbedChunks=permanent(), FailDocument=errors.InternalError("A defect."))

    assert failure(script).error == "QuotaExhausted"


def test_a_service_that_throttles_for_minutes_costs_no_document() -> None:
    throttled = [errors.UpstreamThrottled("Too many.")] * 8
    script = Script(EmbedChunks=iter([*throttled, EMBEDDED, EMBEDDED]))

    _, visited = ingest(script)

    assert visited[-1] == "Done"
    assert len(script.asked["EmbedChunks"]) == 10


def test_what_is_none_of_ours_shows_no_cause() -> None:
    ended = failure(Script(ChunkDocument=ValueError("a document's text")))

    assert ended.error == "ValueError"
    assert "a document's text" not in ended.cause


def test_a_platform_error_of_step_functions_is_no_name_to_pass_on() -> None:
    broke = ExecutionFailed("States.Whatever", "a document's text")

    class Breaking(Machine):
        def _task(self, state: Any, event: Any) -> Any:
            if "ChunkDocument" in state["Resource"]:
                raise broke
            return super()._task(state, event)

    with pytest.raises(ExecutionFailed) as caught:
        Breaking(INGEST, Script().functions).run({})

    assert caught.value.error == "InternalError"
    assert "a document's text" not in caught.value.cause


@pytest.mark.parametrize("name", ["States.Timeout", "Sandbox.Timedout"])
def test_a_step_that_takes_too_long_is_called_that(name: str) -> None:
    class Slow(Machine):
        def _task(self, state: Any, event: Any) -> Any:
            if "ReadDocument" in state["Resource"]:
                raise ExecutionFailed(name, "")
            return super()._task(state, event)

    with pytest.raises(ExecutionFailed) as caught:
        Slow(INGEST, Script().functions).run({})

    assert caught.value.error == "TimedOut"


def test_the_bulk_machine_ingests_each_item_as_the_single_machine_would() -> None:
    processor = BULK["States"]["IngestItems"]["ItemProcessor"]

    assert processor["States"] == INGEST["States"]
    assert processor["StartAt"] == INGEST["StartAt"]


def bulk(script: Script, items: list[Any]) -> tuple[Any, Machine]:
    machine = Machine(BULK, script.functions, lists=lambda key: items if key == PLANNED["items_key"] else [])
    return machine.run({"run": "r", "tenant": "acme", "prefix": "bulk/acme/"}), machine


def test_a_run_plans_ingests_and_sums_up() -> None:
    script = Script()

    output, _ = bulk(script, ITEMS)

    assert output == SUMMARY
    assert [asked["input"] for asked in script.asked["ReadDocument"]] == ITEMS
    assert len({asked["trace_id"] for asked in script.asked["ReadDocument"]}) == 2
    assert script.asked["FinishIngest"] == [{"run": "r", "tenant": "acme", "trace_id": "execution"}]


def test_a_run_without_items_is_summed_up_too() -> None:
    script = Script(PlanIngest={**PLANNED, "items": 0})

    output, _ = bulk(script, [])

    assert output == SUMMARY
    assert "ReadDocument" not in script.asked


def test_an_item_that_fails_does_not_stop_the_run() -> None:
    script = Script(ReadDocument=iter([errors.InternalError("A defect."), READ]))

    output, _ = bulk(script, ITEMS)

    assert output == SUMMARY
    assert len(script.asked["FailDocument"]) == 1


def test_a_run_of_which_most_items_fail_is_summed_up_and_fails() -> None:
    script = Script(EmbedChunks=permanent())

    with pytest.raises(ExecutionFailed) as caught:
        bulk(script, ITEMS)

    assert caught.value.error == "TooManyFailed"
    assert len(script.asked["FinishIngest"]) == 1


@pytest.mark.parametrize("task", ["PlanIngest", "FinishIngest"])
def test_a_run_that_cannot_be_planned_or_summed_up_fails_by_name(task: str) -> None:
    with pytest.raises(ExecutionFailed) as caught:
        bulk(Script(**{task: permanent()}), ITEMS)

    assert (caught.value.error, caught.value.cause) == ("QuotaExhausted", "The account is out of credit.")


@pytest.mark.parametrize(("machine", "name"), [(INGEST, "NameError"), (BULK, "NameRunError")])
def test_every_error_of_ours_is_reported_by_name_with_its_cause(machine: dict[str, Any], name: str) -> None:
    rules = machine["States"][name]["Choices"]
    (ours,) = [rule for rule in rules if rule["Next"] in ("ReadCause", "ReadRunCause")]

    named = {rule["StringEquals"] for rule in ours["Or"]}
    assert named == state_machine.transient_errors() | state_machine.permanent_errors()


def test_a_run_collects_of_its_items_less_than_a_state_may_hold() -> None:
    done = INGEST["States"]["Done"]["Result"]

    assert (len(json.dumps(done)) + 1) * 50_000 < 262_144  # items, each of up to a hundred documents
