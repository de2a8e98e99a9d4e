"""Lint a state machine's graph: where it starts, where each state leads, and that it ends in the right place."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ragctl.checks.rules import QUERY, Rules

Machine = Mapping[str, Any]
State = Mapping[str, Any]

_TYPES: Final = {"Task", "Pass", "Choice", "Wait", "Parallel", "Map", "Succeed", "Fail"}
_TERMINAL: Final = {"Succeed", "Fail"}
_TOWARDS_FAILURE: Final = {"Pass", "Choice", "Fail"}


def inner_machines(state: State) -> Iterator[Machine]:
    """Yield the machines inside a Map or Parallel state."""
    yield from (inner for inner in (state.get("ItemProcessor"), *state.get("Branches", ())) if inner is not None)


def names(machine: Machine) -> Iterator[str]:
    """Yield the names of all states, those inside Map and Parallel states included."""
    for name, state in machine.get("States", {}).items():
        yield name
        for inner in inner_machines(state):
            yield from names(inner)


def problems(machine: Machine, rules: Rules = QUERY) -> Iterator[str]:
    """Yield what is wrong with the graph, those inside Map and Parallel states included."""
    everywhere = list(names(machine))
    yield from (f"{name} is the name of two states" for name in sorted(set(everywhere)) if everywhere.count(name) > 1)
    yield from _level(machine, rules)


def _level(machine: Machine, rules: Rules) -> Iterator[str]:
    own: Mapping[str, State] = machine.get("States", {})
    for name, state in own.items():
        yield from _exits(name, state, own)
        yield from _catches(name, state, own, rules)
        if name not in rules.repeating and name in _reachable(own, _targets(state)):
            yield f"{name} leads back to itself"
        for inner in inner_machines(state):
            yield from _level(inner, rules)
    yield from _start(machine, own)


def _targets(state: State) -> list[str]:
    rules = [*state.get("Choices", ()), *state.get("Catch", ())]
    candidates = [state.get("Next"), state.get("Default"), *(rule.get("Next") for rule in rules)]
    return [target for target in candidates if target is not None]


def _reachable(own: Mapping[str, State], starts: list[str]) -> set[str]:
    """Return the starts, as far as they exist, and all states that they lead to."""
    reached, ahead = set[str](), list(starts)
    while ahead:
        name = ahead.pop()
        if name in own and name not in reached:
            reached.add(name)
            ahead.extend(_targets(own[name]))
    return reached


def _start(machine: Machine, own: Mapping[str, State]) -> Iterator[str]:
    start = machine.get("StartAt")
    if start is None:
        yield "it has no StartAt"
    elif start not in own:
        yield f"it starts at {start}, which does not exist"
    else:
        yield from (f"{name} is never reached" for name in sorted(set(own) - _reachable(own, [start])))


def _exits(name: str, state: State, own: Mapping[str, State]) -> Iterator[str]:
    yield from (f"{name} leads to {target}, which does not exist" for target in _targets(state) if target not in own)
    kind = state.get("Type")
    if kind not in _TYPES:
        yield f"{name} has no Type that exists"
    elif kind == "Choice":
        if "Default" not in state:
            yield f"{name} has no Default"
    elif (state.get("End") is True or kind in _TERMINAL) == ("Next" in state):
        yield f"{name} must have either a Next or an end"


def _catches(name: str, state: State, own: Mapping[str, State], rules: Rules) -> Iterator[str]:
    """Yield the states that an error of this one may lead to and that do anything but report it and fail."""
    if name in rules.optional:
        return
    caught = _reachable(own, [catch["Next"] for catch in state.get("Catch", ()) if "Next" in catch])
    for reached in sorted(caught):
        passes = own[reached].get("Type") in _TOWARDS_FAILURE or reached in rules.reporting
        ends = own[reached].get("End") is True and reached not in rules.concluding
        if not passes or ends:
            yield f"{name} catches into {reached}, which does not fail"
