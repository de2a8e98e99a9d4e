"""One contract for the Executions port: the fake, and Step Functions as moto serves it."""

import json
from typing import Any

import boto3
import pytest
from moto import settings

from rag.adapters.step_functions import StepFunctionsExecutions
from rag.errors import UpstreamRejected
from rag.http.executions import Executions, Standing
from rag.http.results import Standings
from tests.fakes.memory_executions import MemoryExecutions

GIVEN = {"body": {"query": "é"}, "caller": {"id": "token/ann"}}


@pytest.fixture
def client(mocked_aws: None) -> Any:
    return boto3.client("stepfunctions")


@pytest.fixture(params=["memory", "stepfunctions"])
def executions(request: pytest.FixtureRequest) -> Executions:
    if request.param == "memory":
        return MemoryExecutions()
    client = request.getfixturevalue("client")
    assert not settings.TEST_SERVER_MODE
    definition = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    made = client.create_state_machine(
        name="query", definition=json.dumps(definition), roleArn="arn:aws:iam::123456789012:role/states"
    )
    return StepFunctionsExecutions(made["stateMachineArn"], client=client)


def test_what_was_never_started_has_no_input(executions: Executions) -> None:
    assert executions.given("a" * 32) is None


def test_an_execution_has_the_input_that_it_was_started_with(executions: Executions) -> None:
    assert executions.start("a" * 32, GIVEN)
    assert executions.given("a" * 32) == GIVEN


def test_a_name_belongs_to_its_first_input(executions: Executions) -> None:
    executions.start("a" * 32, GIVEN)
    assert not executions.start("a" * 32, GIVEN | {"body": {"query": "Else?"}})
    assert executions.given("a" * 32) == GIVEN


def test_what_was_never_started_does_not_stand_anyhow(executions: Standings) -> None:
    assert executions.standing("a" * 32) is None


def test_an_execution_stands_somehow(executions: Any) -> None:
    executions.start("a" * 32, GIVEN)
    assert executions.standing("a" * 32) == Standing(GIVEN, "RUNNING")


def test_a_machine_that_does_not_exist_is_told_without_its_name(client: Any) -> None:
    arn = "arn:aws:states:us-east-1:123456789012:stateMachine:canary"
    with pytest.raises(UpstreamRejected) as caught:
        StepFunctionsExecutions(arn, client=client).start("a" * 32, GIVEN)
    assert "canary" not in str(caught.value)
