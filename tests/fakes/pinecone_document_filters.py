"""The filter language of Pinecone's documents API, as strict as its documentation tells.

Which operators a field takes depends on its type: strings have `$eq`, `$ne`, `$in`, `$nin`; lists of strings `$in` and
`$nin`; numbers `$eq`, `$ne` and the ranges; booleans `$eq` alone; all have `$exists`. `$and`, `$or` and `$not` join.
"""

from collections.abc import Collection, Mapping
from typing import Any

from tests.fakes.pinecone_wire import refused

_RANGES = {
    "$gt": lambda value, operand: value > operand,
    "$gte": lambda value, operand: value >= operand,
    "$lt": lambda value, operand: value < operand,
    "$lte": lambda value, operand: value <= operand,
}


def check_document_filter(where: Any, data_fields: Collection[str]) -> None:
    """Refuse what the API refuses: unknown operators, operands of other types, comparisons of searched fields."""
    if not isinstance(where, dict) or not where:
        raise refused("filter must be a non-empty object")
    for name, condition in where.items():
        if name in ("$and", "$or"):
            if not isinstance(condition, list) or not condition:
                raise refused(f"{name} takes a non-empty list")
            for operand in condition:
                check_document_filter(operand, data_fields)
        elif name == "$not":
            check_document_filter(condition, data_fields)
        elif name.startswith("$") or not isinstance(condition, dict) or not condition:
            raise refused("a field needs an operator")
        elif name in data_fields:
            raise refused("a searched field takes text-match operators alone")
        else:
            for operator, operand in condition.items():
                _check_operand(operator, operand)


def _check_operand(operator: str, operand: Any) -> None:
    if operator == "$exists":
        fits = isinstance(operand, bool)
    elif operator in _RANGES:
        fits = _is_number(operand)
    elif operator in ("$in", "$nin"):
        fits = isinstance(operand, list) and 1 <= len(operand) <= 10_000 and all(isinstance(v, str) for v in operand)
    elif operator == "$ne":
        fits = isinstance(operand, str) or _is_number(operand)
    else:
        fits = operator == "$eq" and isinstance(operand, str | int | float)
    if not fits:
        raise refused(f"{operator} does not take this operand")


def matches_document(fields: Mapping[str, Any], where: Any) -> bool:
    """Tell whether a filter that was checked admits a document."""
    for name, condition in where.items():
        if name == "$and":
            admitted = all(matches_document(fields, operand) for operand in condition)
        elif name == "$or":
            admitted = any(matches_document(fields, operand) for operand in condition)
        elif name == "$not":
            admitted = not matches_document(fields, condition)
        else:
            admitted = all(_holds(fields.get(name), *operation) for operation in condition.items())
        if not admitted:
            return False
    return True


def _holds(value: Any, operator: str, operand: Any) -> bool:
    if operator == "$exists":
        return bool((value is not None) == operand)
    if operator in _RANGES:
        return _is_number(value) and bool(_RANGES[operator](value, operand))
    if operator in ("$in", "$nin"):
        found = any(item in operand for item in (value if isinstance(value, list) else [value]))
        return found == (operator == "$in")
    equal = isinstance(value, bool) == isinstance(operand, bool) and bool(value == operand)
    return equal if operator == "$eq" else not equal


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
