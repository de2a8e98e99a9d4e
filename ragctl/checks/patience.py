"""How long a state machine may take with every attempt that it has, and how much it does at a time."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ragctl.checks import graph
from ragctl.checks.rules import Rules

_MOST_AT_A_TIME: Final = 40  # what Step Functions runs of an inline map; 0, its default, means no bound of ours

State = Mapping[str, Any]


def problems(machine: Mapping[str, Any], rules: Rules) -> Iterator[str]:
    """Yield what bounds neither its time nor its concurrency; a map's own machines are part of the whole."""
    yield from _level(machine, machine.get("TimeoutSeconds", 0), rules)


def _level(machine: Mapping[str, Any], limit: int, rules: Rules) -> Iterator[str]:
    own: Mapping[str, State] = machine.get("States", {})
    maps = {name: state for name, state in own.items() if state.get("Type") == "Map"}
    for name, state in maps.items():
        if state.get("MaxConcurrency") not in range(1, _MOST_AT_A_TIME + 1):
            yield f"{name}'s MaxConcurrency must be given, 1 to {_MOST_AT_A_TIME}"
        elif rules.items and _is_distributed(state):
            yield from (problem for inner in graph.inner_machines(state) for problem in _level(inner, limit, rules))
    if rules.items and _longest(own, rules.items) >= limit:
        yield f"all attempts together take up to {_longest(own, rules.items):,} s, and the machine has {limit:,}"


def _is_distributed(state: State) -> bool:
    return bool(state.get("ItemProcessor", {}).get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def _longest(own: Mapping[str, State], items: int) -> int:
    """Return the seconds of a level: its tasks with all attempts, and its inline maps' items with one attempt each."""
    tasks = sum(_seconds(state) for state in own.values() if state.get("Type") == "Task")
    inline = [state for state in own.values() if state.get("Type") == "Map" and not _is_distributed(state)]
    waves = [-(-items // int(state.get("MaxConcurrency") or 1)) for state in inline]
    return tasks + sum(count * _item_seconds(state) for count, state in zip(waves, inline, strict=True))


def _seconds(task: State) -> int:
    """Return the seconds of a task whose every attempt and every pause takes as long as it may."""
    retries: Sequence[Mapping[str, Any]] = task.get("Retry", ())
    attempts = 1 + sum(_attempts(retry) for retry in retries)
    return attempts * int(task.get("TimeoutSeconds", 0)) + sum(map(_pauses, retries))


def _attempts(retry: Mapping[str, Any]) -> int:
    return int(retry.get("MaxAttempts", 3))


def _pauses(retry: Mapping[str, Any]) -> int:
    first, rate, longest = retry.get("IntervalSeconds", 1), retry.get("BackoffRate", 2), retry.get("MaxDelaySeconds", 0)
    return sum(min(int(first * rate**number), longest) for number in range(_attempts(retry)))


def _item_seconds(state: State) -> int:
    inner = graph.inner_machines(state)
    return sum(int(one.get("TimeoutSeconds", 0)) for machine in inner for one in machine.get("States", {}).values())
