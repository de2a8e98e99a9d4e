"""What goes wrong between the API's functions and Step Functions: each is an error of ours that quotes nothing."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rag.adapters.step_functions import StepFunctionsExecutions
from rag.errors import MalformedResponse, RagError, UpstreamRejected, UpstreamThrottled, UpstreamUnavailable
from rag.http.executions import Standing
from tests.contract.aws_clients import client_at
from tests.fakes import faulty_http as faults

SECRET = "a-name-that-nobody-may-learn"
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:query"


@pytest.fixture
def server() -> Iterator[faults.FaultyServer]:
    with faults.FaultyServer(lambda _: faults.Response.of_json({})) as server:
        yield server


def refused(code: str, status: int = 400) -> faults.Fault:
    return faults.answer_json({"__type": code, "message": SECRET}, status)


def executions(server: faults.FaultyServer, seconds: float = 10.0) -> StepFunctionsExecutions:
    return StepFunctionsExecutions(ARN, timeout_seconds=seconds, client=client_at("stepfunctions", server.url))


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (refused("ThrottlingException"), UpstreamThrottled),
        (refused("ExecutionLimitExceeded"), UpstreamThrottled),
        (refused("InternalServerError", 500), UpstreamUnavailable),
        (refused("StateMachineDoesNotExist"), UpstreamRejected),
        (refused("AccessDeniedException"), UpstreamRejected),
        (refused("InvalidExecutionInput"), UpstreamRejected),
        (faults.html(502), UpstreamUnavailable),
        (faults.reset, UpstreamUnavailable),
    ],
)
def test_a_fault_of_step_functions_is_an_error_of_ours(
    server: faults.FaultyServer, fault: faults.Fault, expected: type[RagError]
) -> None:
    for use in (
        lambda: executions(server).start("n", {"query": SECRET}),
        lambda: executions(server).given(SECRET),
        lambda: executions(server).standing(SECRET),
    ):
        server.next(fault)
        with pytest.raises(expected) as caught:
            use()
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize("answer", [{}, {"input": "no json"}, {"input": "[]"}, {"input": None}])
def test_an_input_that_is_none_is_malformed(server: faults.FaultyServer, answer: dict[str, Any]) -> None:
    server.next(faults.answer_json(answer))
    with pytest.raises(MalformedResponse):
        executions(server).given("n")


def test_an_execution_has_an_output_once_it_has_succeeded(server: faults.FaultyServer) -> None:
    output = {"answered": 1}
    for status, expected in (("SUCCEEDED", output), ("FAILED", None)):
        answer = {"input": '{"a": 1}', "status": status, "output": json.dumps(output)}
        server.next(faults.answer_json(answer))
        assert executions(server).standing("n") == Standing({"a": 1}, status, expected)


@pytest.mark.parametrize("output", ["no json", "[]", None])
def test_an_output_that_is_none_is_malformed(server: faults.FaultyServer, output: Any) -> None:
    server.next(faults.answer_json({"input": "{}", "status": "SUCCEEDED", "output": output}))
    with pytest.raises(MalformedResponse):
        executions(server).standing("n")


def test_a_service_that_hangs_is_given_up_in_time(server: faults.FaultyServer) -> None:
    server.next(faults.hang)
    with pytest.raises(UpstreamUnavailable, match=r"within 0\.3 s"):
        executions(server, seconds=0.3).start("n", {})
