"""Runs a state machine's definition on Python functions: the part of the language that this project uses, without time.

A path that leads nowhere is an error of the definition and ends the run as one, as it would in Step Functions.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

Functions = Mapping[str, Callable[[Any], Any]]

_MAX_STATES: Final = 1_000


class ExecutionFailed(Exception):
    """The execution ended in a failure, with the error's name and its cause."""

    def __init__(self, error: str, cause: str) -> None:
        super().__init__(f"{error}: {cause}")
        self.error = error
        self.cause = cause


class BrokenDefinition(Exception):
    """The definition asks for what is not there: States.Runtime, which nothing can catch."""


@dataclass
class Machine:
    """A definition, and what runs its tasks: functions by the name of their substitution, without `FunctionArn`.

    `lists` reads what an ItemReader reads, by key. `visited` are the states that were entered, in their order.
    `observe` is shown each event, answer and state.
    """

    definition: Mapping[str, Any]
    functions: Functions
    lists: Callable[[str], Sequence[Any]] = lambda _: ()
    visited: list[str] = field(default_factory=list)
    observe: Callable[[str, Any], None] = lambda _name, _document: None

    def run(self, execution_input: Any, name: str = "execution") -> Any:
        """Return the output of one execution.

        Raises:
            ExecutionFailed: it ended in a Fail state, or in an error that nobody caught.
        """
        context = {"Execution": {"Input": execution_input, "Name": name}}
        return self._machine(self.definition, execution_input, context)

    def _machine(self, machine: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> Any:
        name = machine["StartAt"]
        for _ in range(_MAX_STATES):
            state = machine["States"][name]
            self.visited.append(name)
            try:
                document, following = self._state(state, document, context)
            except ExecutionFailed as failure:
                catch = next(iter(state.get("Catch", ())), None)
                if catch is None:
                    raise
                caught = {"Error": failure.error, "Cause": failure.cause}
                document, following = placed(caught, document, catch["ResultPath"]), catch["Next"]
            self.observe(f"after {name}", document)
            if following is None:
                return document
            name = following
        raise BrokenDefinition("It never ends.")

    def _state(self, state: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> tuple[Any, str | None]:
        """Return the document behind a state, and the next state's name, or None at the end."""
        kind = state["Type"]
        if kind == "Fail":
            error = looked_up(state["ErrorPath"], document, context) if "ErrorPath" in state else state["Error"]
            cause = looked_up(state["CausePath"], document, context) if "CausePath" in state else state["Cause"]
            raise ExecutionFailed(error, cause)
        if kind == "Choice":
            matching = (rule["Next"] for rule in state["Choices"] if _holds(rule, document, context))
            return document, next(matching, state["Default"])
        result = self._result(state, document, context)
        if "ResultSelector" in state:
            result = filled(state["ResultSelector"], result, context)
        document = placed(result, document, state.get("ResultPath", "$"))
        return looked_up(state.get("OutputPath", "$"), document, context), state.get("Next")

    def _result(self, state: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> Any:
        match state["Type"]:
            case "Pass":
                return state["Result"] if "Result" in state else filled(state["Parameters"], document, context)
            case "Task":
                return self._task(state, filled(state["Parameters"], document, context))
            case "Map" if "ItemReader" in state:
                return self._distributed(state, document, context)
            case "Map":
                items = looked_up(state["ItemsPath"], document, context)
                return [self._item(state, item, document, context) for item in items]
        raise BrokenDefinition(f"No {state['Type']} is known here.")

    def _item(self, state: Mapping[str, Any], item: Any, document: Any, context: Mapping[str, Any]) -> Any:
        inner = {**context, "Map": {"Item": {"Value": item}}}
        return self._machine(state["ItemProcessor"], filled(state["ItemSelector"], document, inner), inner)

    def _distributed(self, state: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> Any:
        """Run each item as an execution of its own; too many that fail make the Map fail."""
        place = filled(state["ItemReader"]["Parameters"], document, context)
        items = self.lists(place["Key"])
        results, failures = [], 0
        for number, item in enumerate(items):
            own = {"Execution": {"Input": item, "Name": f"{context['Execution']['Name']}-{number}"}}
            try:
                results.append(self._machine(state["ItemProcessor"], item, own))
            except ExecutionFailed:
                failures += 1
        if failures * 100 > state["ToleratedFailurePercentage"] * len(items):
            raise ExecutionFailed("States.ExceedToleratedFailureThreshold", "Too many items failed.")
        return results

    def _task(self, state: Mapping[str, Any], event: Any) -> Any:
        named = state["Resource"].removeprefix("${").removesuffix("FunctionArn}")
        self.observe(f"{named} takes", event)
        failed: dict[str, int] = {}
        while True:
            try:
                answer = json.loads(json.dumps(self.functions[named](json.loads(json.dumps(event)))))
            except Exception as error:
                name = type(error).__name__
                failed[name] = failed.get(name, 0) + 1
                most = next((r["MaxAttempts"] for r in state.get("Retry", ()) if name in r["ErrorEquals"]), 0)
                if failed[name] > most:
                    cause = json.dumps({"errorType": name, "errorMessage": str(error)})
                    raise ExecutionFailed(name, cause) from error
            else:
                self.observe(f"{named} returns", answer)
                return answer


def filled(template: Any, document: Any, context: Mapping[str, Any]) -> Any:
    """Fill in a payload template: `$.a.b`, `$$.a.b` and `States.StringToJson($.a)`."""
    if not isinstance(template, dict):
        return template
    return {
        key.removesuffix(".$"): looked_up(value, document, context)
        if key.endswith(".$")
        else filled(value, document, context)
        for key, value in template.items()
    }


def looked_up(path: str, document: Any, context: Mapping[str, Any]) -> Any:
    """Return what a path leads to."""
    if path.startswith("States.StringToJson("):
        return json.loads(looked_up(path.removeprefix("States.StringToJson(").removesuffix(")"), document, context))
    value = context if path.startswith("$$") else document
    for step in path.split(".")[1:]:
        if not isinstance(value, Mapping) or step not in value:
            raise BrokenDefinition(f"{path} leads nowhere.")
        value = value[step]
    return value


def placed(result: Any, document: Any, path: str | None) -> Any:
    """Put a result into the document; without a path it is dropped."""
    if path is None:
        return document
    return result if path == "$" else {**document, path.removeprefix("$."): result}


def _holds(rule: Mapping[str, Any], document: Any, context: Mapping[str, Any]) -> bool:
    if "Or" in rule:
        return any(_holds(inner, document, context) for inner in rule["Or"])
    if "IsPresent" in rule:
        return bool(_is_present(rule["Variable"], document, context) == rule["IsPresent"])
    value = looked_up(rule["Variable"], document, context)
    for operator in ("StringEquals", "NumericEquals", "BooleanEquals"):
        if operator in rule:
            return bool(value == rule[operator])
    return fnmatchcase(value, rule["StringMatches"])


def _is_present(path: str, document: Any, context: Mapping[str, Any]) -> bool:
    try:
        looked_up(path, document, context)
    except BrokenDefinition:
        return False
    return True
