"""What a rehearsal has to say: a line for each combination while it runs, one document at the end."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ragctl.rehearsal.rehearsing import Outcome


def heading(width: int) -> str:
    """Return the table's first line, the column of names `width` wide."""
    return f"{'combination':{width}}  resources  created  excepted  seconds"


def row(outcome: Outcome, width: int, exceptions: Mapping[str, str]) -> str:
    """Return the table's line of one combination."""
    name, created, excepted = outcome.combination.name, sum(outcome.created.values()), _excepted(outcome, exceptions)
    verdict = "" if outcome.resources == created + excepted and not outcome.failure else "  FAILED"
    return f"{name:{width}}  {outcome.resources:9}  {created:7}  {excepted:8}  {outcome.seconds:7.1f}{verdict}"


def document(
    outcomes: Sequence[Outcome],
    journeys: Iterable[Mapping[str, Any]],
    exceptions: Mapping[str, str],
    problems: Sequence[str],
    seconds: float,
) -> dict[str, Any]:
    """Return the whole rehearsal, ready to be written as JSON."""
    types: Counter[str] = Counter()
    for outcome in outcomes:
        types.update(outcome.created)
        types.update(one.type for one in outcome.absent)
    return {
        "passed": not problems,
        "seconds": round(seconds, 1),
        "combinations": [_combination(outcome, exceptions) for outcome in outcomes],
        "types": dict(sorted(types.items())),
        "journeys": list(journeys),
        "exceptions": dict(exceptions),
        "problems": list(problems),
    }


def _combination(outcome: Outcome, exceptions: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": outcome.combination.name,
        "parameters": dict(outcome.combination.parameters),
        "resources": outcome.resources,
        "created": sum(outcome.created.values()),
        "excepted": _excepted(outcome, exceptions),
        "failure": outcome.failure,
        "seconds": round(outcome.seconds, 1),
    }


def _excepted(outcome: Outcome, exceptions: Mapping[str, str]) -> int:
    return sum(one.type in exceptions for one in outcome.absent)
