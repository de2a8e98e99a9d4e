"""A question through the Standard state machine: start it, wait for it, read how long each state took."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ragctl.deployment import Deployment
from ragctl.failure import Failure

_LOCAL_PAUSE: Final = 0.005  # seconds between looks at an execution
_FIRST_PAUSE: Final = 0.1  # in AWS, where a faster pace would only be throttled
_LONGEST_PAUSE: Final = 0.5
_PATIENCE_SECONDS: Final = 60.0  # twice what the state machine allows itself
_UNFINISHED: Final = "RUNNING"


@dataclass(frozen=True)
class StateTime:
    """How long one state of an execution took, retries included."""

    state: str
    seconds: float


@dataclass(frozen=True)
class Asked:
    """A finished execution: its output, and the time from its start to its end."""

    output: Mapping[str, Any]
    execution: str
    seconds: float


class QueryFailedError(Exception):
    """The execution failed, with an error's name and a cause."""

    def __init__(self, error: str, cause: str, execution: str) -> None:
        super().__init__(f"{error}: {cause} (execution {execution.rpartition(':')[2]})")
        self.error = error
        self.cause = cause


class Asker:
    """Puts questions to a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._states = deployment.client("stepfunctions")
        self._machine = deployment.output("StateMachineArn")
        local = deployment.endpoint is not None
        self._pauses = (_LOCAL_PAUSE, _LOCAL_PAUSE) if local else (_FIRST_PAUSE, _LONGEST_PAUSE)

    def ask(self, request: Mapping[str, Any]) -> Asked:
        """Return the answer to a query input.

        Raises:
            QueryFailedError: the execution failed, timed out or was stopped.
            Failure: it could not be started or followed.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            started = self._states.start_execution(stateMachineArn=self._machine, input=json.dumps(request))
            described = self.finished(started["executionArn"])
        except ClientError as error:
            raise Failure(f"Step Functions refuses: {error.response['Error']['Message']}") from error
        except BotoCoreError as error:
            raise Failure(f"Step Functions cannot be reached: {error}") from error
        if described["status"] != "SUCCEEDED":
            cause = described.get("cause") or f"the execution ended as {described['status']}"
            raise QueryFailedError(described.get("error") or described["status"], cause, described["executionArn"])
        taken = described["stopDate"] - described["startDate"]
        return Asked(json.loads(described["output"]), described["executionArn"], taken.total_seconds())

    def finished(self, execution: str) -> Mapping[str, Any]:
        """Wait until an execution has ended, and return its description.

        Raises:
            Failure: it runs on beyond the state machine's own limit.
        """
        pause, longest = self._pauses
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            described: Mapping[str, Any] = self._states.describe_execution(executionArn=execution)
            if described["status"] != _UNFINISHED:
                return described
            time.sleep(pause)
            pause = min(pause * 1.5, longest)
        raise Failure(f"The execution {execution} has not ended within {_PATIENCE_SECONDS:.0f} s.")

    def state_times(self, execution: str) -> list[StateTime]:
        """Return the tasks that the execution went through, in order, with the time that each took."""
        entered: dict[str, Any] = {}
        times = []
        for event in self._history(execution):
            if event["type"] == "TaskStateEntered":
                entered[event["stateEnteredEventDetails"]["name"]] = event["timestamp"]
            elif event["type"] == "TaskStateExited":
                name = event["stateExitedEventDetails"]["name"]
                times.append(StateTime(name, (event["timestamp"] - entered[name]).total_seconds()))
        return times

    def _history(self, execution: str) -> Iterator[Mapping[str, Any]]:
        for page in self._states.get_paginator("get_execution_history").paginate(executionArn=execution):
            yield from page["events"]
