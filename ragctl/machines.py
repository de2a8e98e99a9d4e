"""State machines that a command starts and follows."""

import json
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final

from ragctl.deployment import Deployment
from ragctl.failure import Failure, Unreachable

LOCAL_PAUSE: Final = 0.1  # seconds between looks
AWS_PAUSE: Final = 2.0  # DescribeExecution allows 15 a second in an account
SIDE_BY_SIDE: Final = 8


class Machine:
    """One of a deployment's state machines, named by the output that holds its ARN."""

    def __init__(self, deployment: Deployment, output: str) -> None:
        self._states = deployment.client("stepfunctions", max_pool_connections=SIDE_BY_SIDE)
        self._arn = deployment.output(output)
        self.pause = AWS_PAUSE if deployment.endpoint is None else LOCAL_PAUSE

    def start(self, request: Mapping[str, Any], name: str | None = None) -> str:
        """Start an execution and return its ARN.

        Raises:
            Failure: it could not be started.
        """
        named = {"name": name} if name else {}
        try:
            started = self._states.start_execution(stateMachineArn=self._arn, input=json.dumps(request), **named)
        except Exception as error:
            raise _failure(error) from error
        return str(started["executionArn"])

    def described(self, execution: str) -> Mapping[str, Any]:
        """Return an execution's description.

        Raises:
            Failure: it cannot be read.
        """
        try:
            described: Mapping[str, Any] = self._states.describe_execution(executionArn=execution)
        except Exception as error:
            raise _failure(error) from error
        return described

    def finished(self, execution: str) -> Mapping[str, Any]:
        """Wait until an execution has ended, and return its description."""
        while (described := self.described(execution))["status"] == "RUNNING":
            time.sleep(self.pause)
        return described

    def run_all(self, requests: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
        """Start an execution for each input, some side by side, and yield how each ended, in the order given."""
        with ThreadPoolExecutor(SIDE_BY_SIDE) as workers:
            yield from workers.map(lambda request: self.finished(self.start(request)), requests)

    def running(self) -> list[str]:
        """Return the ARNs of the executions that have not ended.

        Raises:
            Failure: they cannot be listed.
        """
        try:
            pages = self._states.get_paginator("list_executions").paginate(
                stateMachineArn=self._arn, statusFilter="RUNNING"
            )
            return [str(listed["executionArn"]) for page in pages for listed in page["executions"]]
        except Exception as error:
            raise _failure(error) from error

    def since(self, moment: datetime) -> Iterator[Mapping[str, Any]]:
        """Yield the descriptions of the executions that started since then, the newest first."""
        try:
            pages = self._states.get_paginator("list_executions").paginate(stateMachineArn=self._arn)
            for page in pages:
                for listed in page["executions"]:
                    if listed["startDate"] < moment:
                        return
                    yield self.described(listed["executionArn"])
        except Failure:
            raise
        except Exception as error:
            raise _failure(error) from error

    def output_of(self, execution: str, state: str) -> Any:
        """Return what a state of an execution has put out, or None if it has not been there."""
        try:
            for page in self._states.get_paginator("get_execution_history").paginate(executionArn=execution):
                for event in page["events"]:
                    details = event.get("stateExitedEventDetails", {})
                    if details.get("name") == state:
                        return json.loads(details.get("output") or "null")
        except Exception as error:
            raise _failure(error) from error
        return None


def complaint(described: Mapping[str, Any]) -> str:
    """Return why an execution did not succeed."""
    name = described["executionArn"].rpartition(":")[2]
    error = described.get("error") or described["status"]
    cause = described.get("cause") or f"the execution ended as {described['status']}"
    return f"{error}: {cause} (execution {name})"


def _failure(error: Exception) -> Exception:
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return Failure(f"Step Functions refuses: {error.response['Error']['Message']}")
    if isinstance(error, BotoCoreError):
        return Unreachable(f"Step Functions cannot be reached: {error}")
    return error
