"""Lint a state machine's definition: graph, time limits, retry policy, error names and substitutions.

`cfn-lint` and `sam validate` do not look into a SAM state machine's definition, and the local interpreter accepts a
dangling `Next`, an orphan and an unknown `StartAt`.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from rag import errors

LAMBDA_TRANSIENTS: Final = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
_TERMINAL: Final = {"Succeed", "Fail"}
_NEVER_RETRIED: Final = {"States.ALL", "States.Runtime", "States.DataLimitExceeded"}
_SUBSTITUTION: Final = re.compile(r"\$\{(\w+)\}")


def transient_errors() -> set[str]:
    """Return the names that a state machine retries: the leaves of TransientError."""
    return {leaf.__name__ for leaf in errors.TransientError.__subclasses__()}


def permanent_errors() -> set[str]:
    """Return the names that a state machine reports as they are: the leaves of PermanentError."""
    return {leaf.__name__ for leaf in errors.PermanentError.__subclasses__()}


def problems(path: Path, given: set[str]) -> list[str]:
    """Return what is wrong with the definition in `path`, whose template fills the substitutions `given`."""
    text = path.read_text(encoding="utf-8")
    try:
        machine = json.loads(text)
    except ValueError as error:
        return [f"{path.name} is no valid JSON: {error}"]
    found = [*_graph(machine), *_limits(machine), *_substitutions(text, given)]
    return [f"{path.name}: {problem}" for problem in found]


def states(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and definition of every state, those inside Map and Parallel states included."""
    for name, state in machine["States"].items():
        yield name, state
        for inner in (state.get("ItemProcessor"), *state.get("Branches", ())):
            if inner is not None:
                yield from states(inner)


def _targets(state: Mapping[str, Any]) -> list[str]:
    rules = [*state.get("Choices", ()), *state.get("Catch", ())]
    candidates = [state.get("Next"), state.get("Default"), *(rule.get("Next") for rule in rules)]
    return [target for target in candidates if target is not None]


def _graph(machine: Mapping[str, Any]) -> Iterator[str]:
    for name, state in machine["States"].items():
        yield from _exits(name, state, machine["States"])
        for inner in (state.get("ItemProcessor"), *state.get("Branches", ())):
            if inner is not None:
                yield from _graph(inner)
    yield from _orphans(machine)


def _exits(name: str, state: Mapping[str, Any], siblings: Mapping[str, Any]) -> Iterator[str]:
    yield from (
        f"{name} leads to {target}, which does not exist" for target in _targets(state) if target not in siblings
    )
    if state["Type"] == "Choice":
        if "Default" not in state:
            yield f"{name} has no Default"
        return
    ends = state.get("End") is True or state["Type"] in _TERMINAL
    if ends == ("Next" in state):
        yield f"{name} must have either a Next or an end"


def _orphans(machine: Mapping[str, Any]) -> Iterator[str]:
    own = machine["States"]
    if machine["StartAt"] not in own:
        yield f"it starts at {machine['StartAt']}, which does not exist"
        return
    reached, ahead = set[str](), [machine["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name in own and name not in reached:
            reached.add(name)
            ahead.extend(_targets(own[name]))
    yield from (f"{name} is never reached" for name in sorted(set(own) - reached))


def _limits(machine: Mapping[str, Any]) -> Iterator[str]:
    if "TimeoutSeconds" not in machine:
        yield "the machine has no TimeoutSeconds"
    for name, state in states(machine):
        if state["Type"] != "Task":
            continue
        if "TimeoutSeconds" not in state:
            yield f"{name} has no TimeoutSeconds"
        elif state["TimeoutSeconds"] > machine.get("TimeoutSeconds", float("inf")):
            yield f"{name} may take longer than the machine"
        retries = [set(retry["ErrorEquals"]) for retry in state.get("Retry", ())]
        for wanted in (transient_errors(), LAMBDA_TRANSIENTS):
            if wanted not in retries:
                yield f"{name} has no Retry for exactly {sorted(wanted)}"
        yield from (f"{name}: {problem}" for retry in state.get("Retry", ()) for problem in _retry(retry))
        if not any(catch["ErrorEquals"] == ["States.ALL"] for catch in state.get("Catch", ())):
            yield f"{name} does not catch States.ALL"
        if any(catch.get("ResultPath") != "$" for catch in state.get("Catch", ())):
            yield f'{name} catches without ResultPath "$": input that is no object can hold nothing else'


def _retry(retry: Mapping[str, Any]) -> Iterator[str]:
    if never := _NEVER_RETRIED & set(retry["ErrorEquals"]):
        yield f"{sorted(never)} must not be retried"
    if retry.get("JitterStrategy") != "FULL":
        yield "a Retry has no full jitter"
    if "MaxDelaySeconds" not in retry:
        yield "a Retry has no MaxDelaySeconds"
    elif retry["MaxDelaySeconds"] <= retry.get("IntervalSeconds", 1):
        yield "a Retry's MaxDelaySeconds must exceed its IntervalSeconds"
    if retry.get("BackoffRate", 0) < 1:
        yield "a Retry's BackoffRate must be given and at least 1"
    if not 1 <= retry.get("MaxAttempts", 0) <= 10:
        yield "a Retry's MaxAttempts must be given, 1 to 10"


def _substitutions(text: str, given: set[str]) -> Iterator[str]:
    used = set(_SUBSTITUTION.findall(text))
    yield from (f"${{{name}}} is not filled by the template" for name in sorted(used - given))
    yield from (f"the template fills {name}, which is not used" for name in sorted(given - used))
