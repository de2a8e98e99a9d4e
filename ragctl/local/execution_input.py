"""What may become the input of an execution: JSON that every state can hold, within the platform's limit."""

import json
import math
from collections.abc import Iterable
from typing import Any, NoReturn

MAX_INPUT_BYTES = 262_144
MAX_DEPTH = 200  # far above any request; moto breaks down inside an execution at about 500


class MalformedInputError(ValueError):
    """The input may not start an execution. The message holds nothing of it."""


def check_input(text: str) -> None:
    """Accept strict JSON of bounded size and depth.

    Python's parser takes more than that: NaN, Infinity, and 1e999 as infinity; and it overflows its stack instead of
    refusing absurd nesting.

    Raises:
        MalformedInputError: it is something else.
    """
    if len(text) > MAX_INPUT_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_INPUT_BYTES:
        raise MalformedInputError(f"longer than {MAX_INPUT_BYTES} bytes")
    try:
        value = json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        raise MalformedInputError("not valid JSON") from None  # the parser's message could quote the input
    if _depth(value) > MAX_DEPTH:
        raise MalformedInputError(f"nested deeper than {MAX_DEPTH} levels")


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError
    return number


def _depth(value: Any) -> int:
    """Return how many containers are within each other, without recursion."""
    depth, level = 0, _containers([value])
    while level:
        depth += 1
        level = [inner for node in level for inner in _containers(node.values() if isinstance(node, dict) else node)]
    return depth


def _containers(values: Iterable[Any]) -> list[dict[str, Any] | list[Any]]:
    return [value for value in values if isinstance(value, dict | list)]
