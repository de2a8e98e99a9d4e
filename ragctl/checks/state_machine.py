"""Lint a state machine's definition: graph, time limits, retry policy, error names and substitutions.

`cfn-lint` and `sam validate` do not look into a SAM state machine's definition, and the local interpreter accepts a
dangling `Next`, an orphan and an unknown `StartAt`.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rag import errors
from ragctl.checks import graph, patience, presence
from ragctl.checks.rules import Rules, rules_of

LAMBDA_TRANSIENTS: Final = {
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
}
DYNAMODB_TRANSIENTS: Final = {
    "DynamoDB.InternalServerError",
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.RequestLimitExceeded",
    "DynamoDB.SdkClientException",
    "DynamoDB.ThrottlingException",
}
_TABLE: Final = "arn:aws:states:::dynamodb:"
_SUBSTITUTION: Final = re.compile(r"\$\{(\w+)\}")


def leaves(base: type[Exception]) -> set[str]:
    """Return the names of the classes below `base` that have none below them."""
    below = base.__subclasses__()
    return set().union(*map(leaves, below)) if below else {base.__name__}


def transient_errors() -> set[str]:
    """Return the names that a state machine retries: the leaves of TransientError."""
    return leaves(errors.TransientError)


def permanent_errors() -> set[str]:
    """Return the names that a state machine reports as they are: the leaves of PermanentError."""
    return leaves(errors.PermanentError)


def problems(path: Path, given: set[str]) -> list[str]:
    """Return what is wrong with the definition in `path`, whose template fills the substitutions `given`."""
    text = path.read_text(encoding="utf-8")
    try:
        machine = json.loads(text)
    except ValueError as error:
        return [f"{path.name} is no valid JSON: {error}"]
    rules = rules_of(path)
    found = [
        *graph.problems(machine, rules),
        *_tasks(machine, machine.get("TimeoutSeconds"), rules),
        *patience.problems(machine, rules),
        *presence.problems(machine),
        *_names(machine),
        *_substitutions(text, given),
    ]
    if "TimeoutSeconds" not in machine:
        found.append("the machine has no TimeoutSeconds")
    return [f"{path.name}: {problem}" for problem in found]


def states(machine: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the name and definition of every state, those inside Map and Parallel states included."""
    for name, state in machine.get("States", {}).items():
        yield name, state
        for inner in graph.inner_machines(state):
            yield from states(inner)


def _tasks(
    machine: Mapping[str, Any], limit: int | None, rules: Rules, *, caught_around: bool = False
) -> Iterator[str]:
    """Yield what is wrong with the tasks; those inside a Map that catches need not catch by themselves."""
    for name, state in machine.get("States", {}).items():
        if state.get("Type") == "Task":
            yield from _task(name, state, limit, rules)
        if state.get("Type") in ("Task", "Map", "Parallel"):
            if not caught_around and not any(c.get("ErrorEquals") == ["States.ALL"] for c in state.get("Catch", ())):
                yield f"{name} does not catch States.ALL"
            # An inline map makes its items' input itself: always an object.
            starts = name == machine.get("StartAt") and not caught_around
            yield from _error_paths(name, state, rules, starts=starts)
        distributed = state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED"
        for inner in graph.inner_machines(state):
            yield from _tasks(inner, limit, rules, caught_around=not distributed)


def _task(name: str, state: Mapping[str, Any], limit: int | None, rules: Rules) -> Iterator[str]:
    asks_table = str(state.get("Resource")).startswith(_TABLE)
    shaping = "ResultPath" if asks_table else "ResultSelector"  # an item that is absent has no path to select by
    for field in ("Parameters", shaping, "TimeoutSeconds"):
        if field not in state:
            yield f"{name} has no {field}"
    if limit is not None and state.get("TimeoutSeconds", 0) >= limit:
        yield f"{name} may take longer than the machine"
    wanted = (DYNAMODB_TRANSIENTS,) if asks_table else (transient_errors(), LAMBDA_TRANSIENTS)
    yield from (f"{name}: {problem}" for problem in _retries(state.get("Retry", []), rules, wanted))


def _error_paths(name: str, state: Mapping[str, Any], rules: Rules, *, starts: bool) -> Iterator[str]:
    """Yield what puts a caught error where the states behind do not look for it."""
    for catch in state.get("Catch", ()):
        path = catch.get("ResultPath")
        if name in rules.optional and catch.get("ErrorEquals") == ["States.ALL"]:
            if path in (None, "$"):
                yield f"{name} catches over what the machine goes on with"
        elif name in rules.reporting:
            if path in (None, "$", rules.error_at):
                yield f"{name} catches over the error that it reports"
        elif starts and path != "$":
            yield f'{name} catches without ResultPath "$": input that is no object can hold nothing else'
        elif not starts and path != rules.error_at:
            yield f'{name} catches without ResultPath "{rules.error_at}", where the error is read'


def _retries(retries: list[Mapping[str, Any]], rules: Rules, families: Sequence[set[str]]) -> Iterator[str]:
    """Yield what keeps the retries from being those of the families of transient errors, once each, and no others."""
    missing = set().union(*families)
    for retry in retries:
        names = set(retry.get("ErrorEquals", ()))
        if not names or not any(names <= family for family in families):
            yield f"{sorted(names)} must not be retried"
        elif not names <= missing:
            yield f"{sorted(names)} must not be retried twice"
        missing -= names
        yield from _pace(retry, rules)
    if missing:
        yield f"no Retry for {sorted(missing)}"


def _pace(retry: Mapping[str, Any], rules: Rules) -> Iterator[str]:
    if retry.get("JitterStrategy") != "FULL":
        yield "a Retry has no full jitter"
    if retry.get("MaxDelaySeconds") not in rules.longest_delay:
        yield f"a Retry's MaxDelaySeconds must be given, {_bounds(rules.longest_delay)}"
    elif retry["MaxDelaySeconds"] <= retry.get("IntervalSeconds", 1):
        yield "a Retry's MaxDelaySeconds must exceed its IntervalSeconds"
    if retry.get("BackoffRate", 0) < 1:
        yield "a Retry's BackoffRate must be given and at least 1"
    if retry.get("MaxAttempts") not in rules.attempts:
        yield f"a Retry's MaxAttempts must be given, {_bounds(rules.attempts)}"


def _bounds(allowed: range) -> str:
    return str(allowed.start) if len(allowed) == 1 else f"{allowed.start} to {allowed.stop - 1}"


def _names(machine: Mapping[str, Any]) -> Iterator[str]:
    """Yield names of errors that are written like ours, without a dot, and are none of ours."""
    ours = leaves(errors.RagError)
    for state_name, state in states(machine):
        compared = [name for rule in state.get("Choices", ()) for name in _compared(rule)]
        handled = [name for rule in state.get("Catch", ()) for name in rule.get("ErrorEquals", ())]
        for name in (*compared, *handled):
            if "." not in name and name not in ours:
                yield f"{state_name} knows an error {name}, which does not exist"


def _compared(rule: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a Choice rule, or a rule inside it, compares an error's name to."""
    for inner in (*rule.get("And", ()), *rule.get("Or", ()), *([rule["Not"]] if "Not" in rule else ())):
        yield from _compared(inner)
    if rule.get("Variable") in ("$.Error", "$.error.Error"):
        yield from (value for operator, value in rule.items() if operator in ("StringEquals", "StringMatches"))


def _substitutions(text: str, given: set[str]) -> Iterator[str]:
    used = set(_SUBSTITUTION.findall(text))
    yield from (f"${{{name}}} is not filled by the template" for name in sorted(used - given))
    yield from (f"the template fills {name}, which is not used" for name in sorted(given - used))
