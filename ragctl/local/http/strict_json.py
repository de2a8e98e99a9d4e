"""JSON as RFC 8259 and API Gateway's parser have it, which is less than what Python's takes."""

import json
from collections.abc import Iterable
from typing import Any, NoReturn

MAX_DEPTH = 500  # Python's parser breaks down soon after; Jackson's own limit is 1,000
_MAX_DIGITS = 1_000  # Python refuses integers of more than 4,300 digits, and is slow before


class MalformedJsonError(ValueError):
    """The text is not JSON. The message holds nothing of it."""


def parse(text: bytes) -> Any:
    """Return what UTF-8 JSON stands for.

    Raises:
        MalformedJsonError: other encodings, a byte order mark, NaN, Infinity, or nesting beyond MAX_DEPTH.
    """
    try:
        value = json.loads(text.decode("utf-8", "strict"), parse_constant=_refuse, parse_int=_whole)
    except (ValueError, RecursionError):
        raise MalformedJsonError("not valid JSON") from None  # the parser's message could quote it
    level = _containers([value])
    for _ in range(MAX_DEPTH):
        level = [inner for node in level for inner in _containers(node.values() if isinstance(node, dict) else node)]
    if level:
        raise MalformedJsonError("nested too deep")
    return value


def _whole(digits: str) -> int | float:
    """Read an integer; one beyond all bounds is infinite."""
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _refuse(_constant: str) -> NoReturn:
    raise ValueError


def _containers(values: Iterable[Any]) -> list[dict[str, Any] | list[Any]]:
    return [value for value in values if isinstance(value, dict | list)]
