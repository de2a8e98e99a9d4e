"""What tests do with the toy stack's state machines: run one, and wait for what others have started."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from threading import Event
from typing import Any

from ragctl.deployment import Deployment

GUARD_SECONDS = 30.0  # only a failing test waits this long
_LOOK_SECONDS = 0.02

Described = dict[str, Any]


@dataclass(frozen=True)
class ToyMachines:
    """The state machines of a stack, by the names of its outputs."""

    stack: Deployment
    _events: dict[str, Described] = field(default_factory=dict)  # by ARN, of executions seen

    @cached_property
    def states(self) -> Any:
        """A Step Functions client."""
        return self.stack.client("stepfunctions")

    def run(self, machine: str, event: object) -> Described:
        """Run an execution to its end and return its description."""
        started = self.states.start_execution(stateMachineArn=self.stack.outputs[machine], input=json.dumps(event))
        return self.ended(started["executionArn"])

    def ended(self, arn: str) -> Described:
        """Return an execution's description once it has ended."""
        pause = Event()
        for _ in range(int(GUARD_SECONDS / _LOOK_SECONDS)):
            described: Described = self.states.describe_execution(executionArn=arn)
            if described["status"] != "RUNNING":
                return described
            pause.wait(_LOOK_SECONDS)
        raise TimeoutError(arn)

    def started(self, machine: str, key: str = "", at_least: int = 0) -> list[Described]:
        """Return what has been started with an object's event, the oldest first, once there are so many.

        A key ending in a slash stands for all below it.
        """
        pause = Event()
        for _ in range(int(GUARD_SECONDS / _LOOK_SECONDS)):
            found = [described for described in self._all(machine) if _is_about(described["event"], key)]
            if len(found) >= at_least:
                return sorted(found, key=lambda described: str(described["event"]["detail"]["object"]["sequencer"]))
            pause.wait(_LOOK_SECONDS)
        raise TimeoutError(f"{len(found)} executions of {machine} for {key}")

    def _all(self, machine: str) -> list[Described]:
        pages = self.states.get_paginator("list_executions").paginate(stateMachineArn=self.stack.outputs[machine])
        arns = [listed["executionArn"] for page in pages for listed in page["executions"]]
        for arn in arns:
            if arn not in self._events:
                described = self.states.describe_execution(executionArn=arn)
                self._events[arn] = {"name": described["name"], "event": json.loads(described["input"])}
        return [self._events[arn] for arn in arns]


def _is_about(event: Described, key: str) -> bool:
    found = str(event["detail"]["object"]["key"])
    return found.startswith(key) if key.endswith("/") else found == key
