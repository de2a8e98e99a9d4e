"""Step Functions adapter for the Executions and Standings ports."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeVar

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import ClientError

from rag.adapters.aws_errors import aws_errors, error_code
from rag.deadlines import within
from rag.errors import MalformedResponse
from rag.http.executions import Standing

TIMEOUT_SECONDS: Final = 5.0

_SERVICE: Final = "Step Functions"
_ACCESS: Final = "states:StartExecution on the state machine and states:DescribeExecution on its executions"

T = TypeVar("T")


class StepFunctionsExecutions:
    """Executions of one state machine, by its ARN. Each request has `timeout_seconds` in all, and one attempt.

    Raises:
        UpstreamThrottled, UpstreamUnavailable: worth another attempt.
        PermanentError: the machine is missing, the role may not do this, or the answer is none.
    """

    def __init__(self, machine: str, *, timeout_seconds: float = TIMEOUT_SECONDS, client: Any = None) -> None:
        self._machine = machine
        self._timeout = timeout_seconds
        self._client: Any = client or boto3.client(
            "stepfunctions",
            config=Config(
                connect_timeout=timeout_seconds, read_timeout=timeout_seconds, retries={"total_max_attempts": 1}
            ),
        )

    def start(self, name: str, given: Mapping[str, Any]) -> bool:
        """Start one; return whether it runs now. It does not where one of this name had another input, or has ended."""
        return self._asked(partial(self._start, name, msgspec.json.encode(given).decode()))

    def given(self, name: str) -> Mapping[str, Any] | None:
        """Return the input of the execution of this name, or None where there is none."""
        return self._asked(partial(self._given, name))

    def standing(self, name: str) -> Standing | None:
        """Return how the execution of this name stands, or None where there is none."""
        return self._asked(partial(self._standing, name))

    def _start(self, name: str, given: str) -> bool:
        try:
            self._client.start_execution(stateMachineArn=self._machine, name=name, input=given)
        except ClientError as error:
            if error_code(error) == "ExecutionAlreadyExists":
                return False
            raise
        return True

    def _given(self, name: str) -> Mapping[str, Any] | None:
        described = self._described(name)
        return None if described is None else _object(described["input"])

    def _standing(self, name: str) -> Standing | None:
        described = self._described(name)
        if described is None:
            return None
        output = _object(described["output"]) if described["status"] == "SUCCEEDED" else None
        return Standing(_object(described["input"]), described["status"], output)

    def _described(self, name: str) -> dict[str, Any] | None:
        arn = f"{self._machine.replace(':stateMachine:', ':execution:', 1)}:{name}"
        try:
            described: dict[str, Any] = self._client.describe_execution(executionArn=arn)
        except ClientError as error:
            if error_code(error) == "ExecutionDoesNotExist":
                return None
            raise
        return described

    def _asked(self, request: Callable[[], T]) -> T:
        with aws_errors(_SERVICE, forbidden=_ACCESS):
            return within(self._timeout, request, service=_SERVICE)


def _object(text: str) -> dict[str, Any]:
    value = msgspec.json.decode(text)
    if not isinstance(value, dict):
        raise MalformedResponse(f"{_SERVICE} answered something that AWS never should.")
    return value
