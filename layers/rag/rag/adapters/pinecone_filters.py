"""Filters as Pinecone takes them: who may read, AND what the caller asked for."""

from typing import Any, Final

from rag.filters import Clause, Filter, Scalar
from rag.models import Principal

READERS: Final = "readers"
USER_PREFIX: Final = "meta_"  # no system field begins with it, so a user's field can never stand in for one


def admitted(principal: Principal, where: Filter | None) -> dict[str, Any]:
    """Return the filter of every query: a chunk must share a reader with the principal, whatever `where` says."""
    readable = {READERS: {"$in": list(principal.readers)}}
    return readable if where is None else {"$and": [readable, _compiled(where)]}


def _compiled(where: Filter) -> dict[str, Any]:
    if isinstance(where, Clause):
        return _clause(where)
    return {where.operator: [_compiled(operand) for operand in where.operands]}


def _clause(clause: Clause) -> dict[str, Any]:
    field = USER_PREFIX + clause.field
    if isinstance(clause.value, tuple):
        membership = _membership(field, clause.operator, clause.value)
        return membership if clause.operator == "$in" else _present(field, membership)
    comparison = {field: {clause.operator: clause.value}}
    return _present(field, comparison) if clause.operator == "$ne" else comparison


def _present(field: str, condition: dict[str, Any]) -> dict[str, Any]:
    # Whether `$ne` and `$nin` match a record without the field is undocumented, and has changed once: ask for it.
    return {"$and": [{field: {"$exists": True}}, condition]}


def _membership(field: str, operator: str, values: tuple[Scalar, ...]) -> dict[str, Any]:
    """Return `$in` or `$nin`, which take strings and numbers, with the truth values beside it."""
    join, compare = ("$or", "$eq") if operator == "$in" else ("$and", "$ne")
    listed = [value for value in values if not isinstance(value, bool)]
    conditions: list[dict[str, Any]] = [{field: {operator: listed}}] if listed else []
    conditions += [{field: {compare: value}} for value in values if isinstance(value, bool)]
    return conditions[0] if len(conditions) == 1 else {join: conditions}
