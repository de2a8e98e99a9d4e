"""Distributed maps on a local stack: children that are executions of their own, and failures that are tolerated."""

import json
from typing import Any

import pytest

from ragctl.deployment import Deployment
from tests.integration.toy_machines import ToyMachines

TOO_MANY = "States.ExceedToleratedFailureThreshold"


@pytest.fixture
def machines(toy_stack: Deployment) -> ToyMachines:
    return ToyMachines(toy_stack)


def listed(stack: Deployment, key: str, tasks: list[str], parts: list[Any] | None = None) -> dict[str, str]:
    """Store a list of items and return the machine's input that names it."""
    items = [{"n": n, "task": task, "parts": parts or []} for n, task in enumerate(tasks)]
    bucket = stack.outputs["Bucket"]
    stack.client("s3").put_object(Bucket=bucket, Key=key, Body=json.dumps(items).encode())
    return {"bucket": bucket, "key": key}


def run(machines: ToyMachines, machine: str, tasks: list[str], parts: list[Any] | None = None) -> dict[str, Any]:
    return machines.run(machine, listed(machines.stack, f"items/{machine}-{'-'.join(tasks)[:40]}", tasks, parts))


def counts(machines: ToyMachines, described: dict[str, Any]) -> dict[str, int]:
    (map_run,) = machines.states.list_map_runs(executionArn=described["executionArn"])["mapRuns"]
    counted: dict[str, int] = machines.states.describe_map_run(mapRunArn=map_run["mapRunArn"])["itemCounts"]
    return {kind: number for kind, number in counted.items() if number and kind != "resultsWritten"}


def test_each_item_is_an_execution_of_its_own(machines: ToyMachines) -> None:
    described = run(machines, "Spread", ["fine"] * 3, parts=[7, 8])

    results = json.loads(described["output"])["results"]
    assert [result["n"] for result in results] == [0, 1, 2]
    assert len({result["name"] for result in results}) == 3
    for result in results:
        assert result["machine"].startswith("rag-Spread/")
        assert result["id"].endswith(f":execution:{result['machine']}:{result['name']}")
        assert result["parts"] == [{"part": part, "name": result["name"]} for part in (7, 8)]
    assert counts(machines, described) == {"succeeded": 3, "total": 3}


def test_an_item_selector_makes_the_input_of_a_child(machines: ToyMachines) -> None:
    described = run(machines, "SpreadStrictly", ["fine", "fine"])

    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["output"]).keys() == {"bucket", "key"}  # ResultPath: null


def test_retries_and_catches_work_within_a_child(machines: ToyMachines) -> None:
    described = run(machines, "Spread", ["fine", "flaky"])

    assert json.loads(described["output"])["results"][1] == {"caught": "Flaky"}


def test_as_many_failures_as_are_tolerated_fail_nothing(machines: ToyMachines) -> None:
    described = run(machines, "Spread", ["fail", "fine", "fine", "fine"])

    results = json.loads(described["output"])["results"]
    assert [result and result["n"] for result in results] == [None, 1, 2, 3]
    assert counts(machines, described) == {"succeeded": 3, "failed": 1, "total": 4}


def test_one_failure_more_is_an_error_that_can_be_caught(machines: ToyMachines) -> None:
    described = run(machines, "Spread", ["fail", "fine", "fail", "fine"])

    assert described["status"] == "SUCCEEDED"
    assert json.loads(described["output"])["error"]["Error"] == TOO_MANY


def test_by_default_no_failure_is_tolerated(machines: ToyMachines) -> None:
    described = run(machines, "SpreadStrictly", ["fine", "fail", "fine"])

    assert (described["status"], described["error"]) == ("FAILED", TOO_MANY)


def test_nothing_to_do_succeeds(machines: ToyMachines) -> None:
    assert json.loads(run(machines, "Spread", [])["output"])["results"] == []


def test_a_missing_list_fails_the_map(machines: ToyMachines) -> None:
    described = machines.run("Spread", {"bucket": machines.stack.outputs["Bucket"], "key": "no such list"})

    assert described["status"] == "FAILED"


def test_three_hundred_items_come_back_in_their_order(machines: ToyMachines) -> None:
    described = run(machines, "Spread", ["fine"] * 300)

    assert [result["n"] for result in json.loads(described["output"])["results"]] == list(range(300))
    assert counts(machines, described) == {"succeeded": 300, "total": 300}


def test_a_result_that_no_state_can_hold_is_refused_as_in_aws(machines: ToyMachines) -> None:
    described = run(machines, "Spread", ["fine"] * 40, parts=["long" * 1_000] * 2)

    assert (described["status"], described["error"]) == ("FAILED", "States.DataLimitExceeded")


def test_a_map_that_is_stopped_is_aborted(machines: ToyMachines) -> None:
    event = listed(machines.stack, "items/stopped", ["fine"] * 500)
    machine = machines.stack.outputs["SpreadStrictly"]
    arn = machines.states.start_execution(stateMachineArn=machine, input=json.dumps(event))["executionArn"]
    while not machines.states.list_map_runs(executionArn=arn)["mapRuns"]:
        pass

    machines.states.stop_execution(executionArn=arn)

    assert machines.ended(arn)["status"] == "ABORTED"
