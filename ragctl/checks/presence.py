"""What a Choice compares must be there: Step Functions fails an execution that compares a path which is missing.

Only IsPresent takes a missing path for false; the local interpreter is kinder and takes every comparison so. A path is
known to be there where every way to the Choice has put it there, or where an IsPresent stands before it in an And.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ragctl.checks import graph

Paths = frozenset[str]
_NONE: Final = Paths()


def problems(machine: graph.Machine, given: Paths = _NONE) -> Iterator[str]:
    """Yield the comparisons of paths that need not be there, where `given` are those of the machine's input."""
    own: Mapping[str, graph.State] = machine.get("States", {})
    known = _known(own, machine.get("StartAt"), given)
    for name, state in own.items():
        for rule in state.get("Choices", ()):
            for path in _unguarded(rule, known.get(name, _NONE)):
                yield f"{name} compares {path}, which may be missing: ask for IsPresent before"
        for inner in graph.inner_machines(state):
            yield from problems(inner, _shape(state.get("ItemSelector", {})))


def _known(own: Mapping[str, graph.State], start: str | None, given: Paths) -> dict[str, Paths]:
    """Return for each state that is reached the paths that are there whichever way led to it."""
    known: dict[str, Paths] = {} if start is None else {start: given}
    ahead = list(known)
    while ahead:
        name = ahead.pop()
        for target, paths in _ways(own.get(name, {}), known[name]):
            agreed = known[target] & paths if target in known else paths
            if known.get(target) != agreed:
                known[target] = agreed
                ahead.append(target)
    return known


def _ways(state: graph.State, known: Paths) -> Iterator[tuple[str, Paths]]:
    """Yield each state that this one leads to, with the paths that are there then."""
    if "Next" in state:
        yield state["Next"], _after(state, known)
    if "Default" in state:
        yield state["Default"], known
    for rule in state.get("Choices", ()):
        if "Next" in rule:
            yield rule["Next"], known | _asserted(rule)
    for catch in state.get("Catch", ()):
        if "Next" in catch:
            yield catch["Next"], _placed(catch.get("ResultPath", "$"), Paths({"$.Error", "$.Cause"}), known)


def _after(state: graph.State, known: Paths) -> Paths:
    """Return what is there behind a state that went well."""
    if state.get("Type") == "Pass":
        made = state.get("Result", state.get("Parameters"))
        result = known if made is None else _shape(made)
    else:
        result = _shape(state.get("ResultSelector", {}))
    whole = _placed(state.get("ResultPath", "$"), result, known)
    taken = state.get("OutputPath", "$")
    return Paths("$" + path.removeprefix(taken) for path in whole if path.startswith(f"{taken}."))


def _placed(where: str | None, result: Paths, known: Paths) -> Paths:
    """Return the paths of a state's input with its result put somewhere into it."""
    if where is None:
        return known
    if where == "$":
        return result
    kept = {path for path in known if path != where and not path.startswith(f"{where}.")}
    return Paths(kept | {where} | {where + path.removeprefix("$") for path in result})


def _shape(made: Any, at: str = "$") -> Paths:
    """Return the paths of what Parameters, a Result or a ResultSelector make."""
    fields = made if isinstance(made, Mapping) else {}
    inner = {f"{at}.{name.removesuffix('.$')}": value for name, value in fields.items()}
    return Paths(inner).union(*(_shape(value, path) for path, value in inner.items()))


def _asserted(rule: Mapping[str, Any]) -> Paths:
    """Return the paths that are there wherever a rule holds."""
    if "And" in rule:
        return _NONE.union(*map(_asserted, rule["And"]))
    return Paths({rule["Variable"]}) if rule.get("IsPresent") is True else _NONE


def _unguarded(rule: Mapping[str, Any], known: Paths) -> Iterator[str]:
    """Yield the paths that a rule compares though they may be missing; an And stops at what does not hold."""
    for inner in rule.get("And", ()):
        yield from _unguarded(inner, known)
        known |= _asserted(inner)
    inners: Sequence[Mapping[str, Any]] = (*rule.get("Or", ()), *([rule["Not"]] if "Not" in rule else ()))
    for inner in inners:
        yield from _unguarded(inner, known)
    compared = [value for name, value in rule.items() if name.endswith("Path")]
    if "Variable" in rule and "IsPresent" not in rule:
        compared.append(rule["Variable"])
    yield from (path for path in compared if path not in known)
