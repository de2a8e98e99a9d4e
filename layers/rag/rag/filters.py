"""The portable filter language on metadata: parsed once into a tree, compiled by each adapter.

A filter is an object of fields and operators, as Pinecone writes them:

    {"year": {"$gte": 2024}, "$or": [{"kind": "policy"}, {"draft": {"$exists": false}}]}

Several keys of one object are AND-ed. `$ne` and `$nin` match only documents that have the field: no operator matches a
document without it but `$exists: false`. Ranges are numeric.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rag.errors import InvalidRequest

Scalar = str | float | bool
Comparison = Literal["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists"]

FIELD_PATTERN: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,62}")
MAX_DEPTH: Final = 5
MAX_CLAUSES: Final = 50
MAX_VALUES: Final = 100
MAX_STRING: Final = 512
MAX_INTEGER: Final = 2**53  # beyond it a float64, which is all that the stores keep, cannot tell neighbours apart


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison of one metadata field. `$in` and `$nin` hold a tuple, `$exists` a bool, the others a scalar."""

    field: str
    operator: Comparison
    value: Scalar | tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Filters joined by `$and` or `$or`; never empty."""

    operator: Literal["$and", "$or"]
    operands: "tuple[Filter, ...]"


Filter = Clause | Group


def parse_filter(raw: object) -> Filter:
    """Return the tree of a filter as a caller wrote it.

    Raises:
        InvalidRequest: it is not of the language above, or exceeds its limits. The message holds no value.
    """
    clauses = _Clauses()
    return _object(raw, clauses, depth=1)


class _Clauses:
    """Counts the clauses of one filter."""

    def __init__(self) -> None:
        self._count = 0

    def add(self) -> None:
        self._count += 1
        if self._count > MAX_CLAUSES:
            raise InvalidRequest(f"filter has more than {MAX_CLAUSES} conditions.")


def _object(raw: object, clauses: _Clauses, depth: int) -> Filter:
    if not isinstance(raw, Mapping) or not raw:
        raise InvalidRequest("filter must be an object with at least one condition.")
    if depth > MAX_DEPTH:
        raise InvalidRequest(f"filter is nested deeper than {MAX_DEPTH} levels.")
    operands = tuple(part for key, value in raw.items() for part in _entry(key, value, clauses, depth))
    return operands[0] if len(operands) == 1 else Group("$and", operands)


def _entry(key: str, value: object, clauses: _Clauses, depth: int) -> list[Filter]:
    if key in ("$and", "$or"):
        if not isinstance(value, list) or not value:
            raise InvalidRequest(f"filter: {key} must be a list with at least one condition.")
        operands = tuple(_object(item, clauses, depth + 1) for item in value)
        return [operands[0] if len(operands) == 1 else Group("$and" if key == "$and" else "$or", operands)]
    if not FIELD_PATTERN.fullmatch(key):
        raise InvalidRequest(
            "filter holds an unknown operator or a field whose name is not a letter followed by "
            "at most 62 letters, digits, hyphens and underscores."
        )
    if not isinstance(value, Mapping):
        value = {"$eq": value}
    if not value:
        raise InvalidRequest("filter: a field has no operator.")
    return [_clause(key, operator, operand, clauses) for operator, operand in value.items()]


def _clause(field: str, operator: str, operand: object, clauses: _Clauses) -> Clause:
    clauses.add()
    for names, parse in _OPERANDS:
        if operator in names:
            return Clause(field, operator, parse(operator, operand))  # type: ignore[arg-type] # one of the names
    raise InvalidRequest("filter holds an unknown operator.")


def _flag(operator: str, operand: object) -> bool:
    if not isinstance(operand, bool):
        raise InvalidRequest(f"filter: {operator} takes true or false.")
    return operand


def _number(operator: str, operand: object) -> float:
    if isinstance(operand, bool) or not isinstance(operand, int | float):
        raise InvalidRequest(f"filter: {operator} takes a number.")
    return _bounded(operator, operand)


def _scalar(operator: str, operand: object) -> Scalar:
    if isinstance(operand, bool):
        return operand
    if isinstance(operand, str):
        return _text(operator, operand)
    if isinstance(operand, int | float):
        return _bounded(operator, operand)
    raise InvalidRequest(f"filter: {operator} takes a string, a number, true or false.")


def _scalars(operator: str, operand: object) -> tuple[Scalar, ...]:
    if not isinstance(operand, list) or not operand or len(operand) > MAX_VALUES:
        raise InvalidRequest(f"filter: {operator} takes a list of 1 to {MAX_VALUES} values.")
    return tuple(_scalar(operator, item) for item in operand)


def _bounded(operator: str, number: float) -> float:
    if not math.isfinite(number) if isinstance(number, float) else abs(number) > MAX_INTEGER:
        raise InvalidRequest(f"filter: {operator} takes finite numbers, and integers within 2^53.")
    return number


def _text(operator: str, text: str) -> str:
    if len(text) > MAX_STRING:
        raise InvalidRequest(f"filter: {operator} takes strings of at most {MAX_STRING} characters.")
    if any(character < " " or "\x7f" <= character < "\xa0" or "\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest(f"filter: {operator} takes no control characters.")
    return text


_OPERANDS: tuple[tuple[tuple[str, ...], Callable[[str, object], Any]], ...] = (
    (("$eq", "$ne"), _scalar),
    (("$gt", "$gte", "$lt", "$lte"), _number),
    (("$in", "$nin"), _scalars),
    (("$exists",), _flag),
)
