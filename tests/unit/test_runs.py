"""A bulk run as the command follows it: the manifest that it writes, and the results that it adds up."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import Work
from rag.ingestion.results import Result, Spent, write_results
from rag.objects import ObjectInfo
from ragctl.failure import Failure
from ragctl.load_report import LoadReport
from ragctl.runs import Run, run_name
from tests.fakes.memory_objects import MemoryObjects

LISTED = ObjectInfo("bulk/default/größe.md", 12, "etag")
SUMMARY = json.dumps(
    {
        "run": "r",
        "documents": 3,
        "ready": 1,
        "unchanged": 1,
        "failed": 1,
        "deleted": 0,
        "superseded": 0,
        "chunks": 3,
        "embedded": 2,
        "reused": 1,
        "tokens": 40,
        "cost_usd": 0.5,
        "failures": [{"document_id": "c.md", "reason": "Never reached."}],
    }
)


@dataclass
class BulkMachine:
    """Stands in for the state machine: each look at it is followed by its next step, and then it has ended."""

    steps: list[Callable[[str], None]]
    ending: dict[str, str] = field(default_factory=lambda: {"status": "SUCCEEDED", "output": SUMMARY})
    pause: float = 0.0
    request: Mapping[str, Any] = field(default_factory=dict)

    def start(self, request: Mapping[str, Any], name: str) -> str:
        self.request = request
        return f"arn:run:{name}"

    def described(self, execution: str) -> Mapping[str, Any]:
        if self.steps:
            self.steps.pop(0)(self.request["run"])
            return {"status": "RUNNING"}
        return {"executionArn": execution, **self.ending}


def step(objects: MemoryObjects, name: Any, *results: Result, spent: Spent = Spent(), number: int = 1) -> Any:  # noqa: B008 - frozen
    def write(run: str) -> None:
        work = Work(tenant="default", prefix="p", run=run, number=number)
        write_results(objects, work, name, results, spent)

    return write


def test_the_manifest_lists_the_objects() -> None:
    objects, machine = MemoryObjects(), BulkMachine([])

    Run(objects, machine, LoadReport("default", 1), lambda _: None).over([LISTED])

    content = objects.read(machine.request["manifest"])
    assert content is not None
    assert [json.loads(line) for line in content.data.splitlines()] == [
        {"key": "bulk/default/größe.md", "size": 12, "etag": "etag"}
    ]
    assert machine.request["tenant"] == "default"


def test_a_copying_run_names_the_collection_and_no_tenant_for_all() -> None:
    target = IndexTarget(model="large", dimensions=16)
    everyone, one = BulkMachine([]), BulkMachine([])

    Run(MemoryObjects(), everyone, LoadReport("all", 1), lambda _: None, "all").copying(target, None)
    Run(MemoryObjects(), one, LoadReport("acme", 1), lambda _: None, "one").copying(target, "acme")

    wanted = {"model": "large", "dimensions": 16, "host": ""}
    assert everyone.request == {"run": "all", "reindex": wanted}
    assert one.request == {"run": "one", "tenant": "acme", "reindex": wanted}


def test_outcomes_are_shown_as_they_come_and_counted_once() -> None:
    objects, seen = MemoryObjects(), list[int]()
    machine = BulkMachine(
        [
            step(objects, "read", Result("a.md", "staged"), Result("b.md", "unchanged")),
            step(objects, "publish", Result("a.md", "ready", chunks=3), spent=Spent(2, 1, 40, 0.5)),
            step(objects, "publish", Result("a.md", "ready", chunks=3), spent=Spent(2, 1, 40, 0.5)),
        ]
    )
    report = LoadReport("default", 2)

    Run(objects, machine, report, lambda shown: seen.append(shown.done)).over([LISTED])

    assert seen == [1, 2, 2, 3]
    told = report.as_object()
    assert (told["ready"], told["unchanged"], told["chunks"], told["embedded"]) == (1, 1, 3, 2)
    assert told["cost_usd"] == 0.5
    assert [failure["document_id"] for failure in told["failures"]] == ["c.md"]


def test_a_run_that_fails_as_such_is_told_with_name_and_cause() -> None:
    machine = BulkMachine([], {"status": "FAILED", "error": "InvalidRequest", "cause": "No manifest."})

    with pytest.raises(Failure, match=r"InvalidRequest: No manifest\."):
        Run(MemoryObjects(), machine, LoadReport("default", 1), lambda _: None).over([LISTED])


def test_only_a_run_that_has_started_goes_on_by_itself() -> None:
    class Refusing(BulkMachine):
        def start(self, request: Mapping[str, Any], name: str) -> str:
            raise KeyboardInterrupt

    before, after = LoadReport("default", 1), LoadReport("default", 1)
    with pytest.raises(KeyboardInterrupt):
        Run(MemoryObjects(), Refusing([]), before, lambda _: None).over([LISTED])
    Run(MemoryObjects(), BulkMachine([]), after, lambda _: None).over([LISTED])

    assert (before.begun, after.begun) == (False, True)


def test_names_of_runs_differ_and_begin_with_the_time() -> None:
    names = {run_name() for _ in range(50)}

    assert len(names) == 50
    assert all(name[8] == "T" and name[15] == "-" for name in names)
