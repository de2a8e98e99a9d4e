"""Pinecone's rules on metadata and its filter language, as the stand-in enforces them."""

import json
from collections.abc import Mapping
from typing import Any

METADATA_BYTES = 40_960
Metadata = Mapping[str, Any]

_COMPARISONS = {
    "$gt": lambda value, operand: value > operand,
    "$gte": lambda value, operand: value >= operand,
    "$lt": lambda value, operand: value < operand,
    "$lte": lambda value, operand: value <= operand,
}


class BadMetadata(Exception):
    """Metadata or a filter that Pinecone refuses."""


def check_metadata(metadata: Any) -> None:
    if not isinstance(metadata, dict):
        raise BadMetadata("metadata must be an object")
    for name, value in metadata.items():
        if name.startswith("$"):
            raise BadMetadata("metadata keys must not begin with $")
        listed = isinstance(value, list) and all(isinstance(item, str) for item in value)
        if not listed and not isinstance(value, str | int | float):
            raise BadMetadata("metadata value must be a string, number, boolean or list of strings")
    size = len(json.dumps(metadata, ensure_ascii=False, separators=(",", ":")).encode())
    if size > METADATA_BYTES:
        raise BadMetadata(
            f"Metadata size is {size} bytes, which exceeds the limit of {METADATA_BYTES} bytes per vector"
        )


def check_filter(where: Any) -> None:
    matches({}, where, absent_differs=True)


def matches(metadata: Metadata, where: Any, *, absent_differs: bool) -> bool:
    """Tell whether a filter admits metadata. Every part is evaluated, so that a malformed one is refused anywhere.

    `absent_differs`: whether `$ne` and `$nin` match where the field is missing. Pinecone's documentation does not say,
    and it has done both.
    """
    if not isinstance(where, dict):
        raise BadMetadata("filter must be an object")
    outcomes = [_entry(metadata, name, value, absent_differs) for name, value in where.items()]
    return all(outcomes)


def _entry(metadata: Metadata, name: str, condition: Any, absent_differs: bool) -> bool:
    if name in ("$and", "$or"):
        if not isinstance(condition, list) or not condition:
            raise BadMetadata(f"{name} takes a non-empty list")
        outcomes = [matches(metadata, operand, absent_differs=absent_differs) for operand in condition]
        return all(outcomes) if name == "$and" else any(outcomes)
    if name.startswith("$"):
        raise BadMetadata(f"{name} is not an operator of a filter")
    conditions = condition if isinstance(condition, dict) else {"$eq": condition}
    if not conditions:
        raise BadMetadata("a field needs a condition")
    value = metadata.get(name)
    outcomes = [_condition(value, operator, operand, absent_differs) for operator, operand in conditions.items()]
    return all(outcomes)


def _condition(value: Any, operator: str, operand: Any, absent_differs: bool) -> bool:
    if operator == "$exists":
        if not isinstance(operand, bool):
            raise BadMetadata("$exists takes a boolean")
        return (value is not None) == operand
    if operator in _COMPARISONS:
        if not _is_number(operand):
            raise BadMetadata(f"{operator} takes a number")
        return _is_number(value) and bool(_COMPARISONS[operator](value, operand))
    if operator in ("$in", "$nin"):
        if not isinstance(operand, list) or not all(isinstance(item, str) or _is_number(item) for item in operand):
            raise BadMetadata(f"{operator} takes a list of strings or numbers")
        if len(operand) > 10_000:
            raise BadMetadata(f"{operator} takes at most 10000 values")
        found = any(_equal(value, item) for item in operand)
        return found if operator == "$in" else not found and (absent_differs or value is not None)
    if operator in ("$eq", "$ne"):
        if not isinstance(operand, str | int | float):
            raise BadMetadata(f"{operator} takes a string, a number or a boolean")
        found = _equal(value, operand)
        return found if operator == "$eq" else not found and (absent_differs or value is not None)
    raise BadMetadata(f"{operator} is not an operator")


def _equal(value: Any, operand: Any) -> bool:
    if isinstance(value, list):  # a list matches through its items
        return operand in value
    return isinstance(value, bool) == isinstance(operand, bool) and bool(value == operand)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
