"""Filters as Pinecone's documents API takes them: who may read, AND what the caller asked for.

Pinecone documents which operators each type of field takes: numbers have no `$in`, truth values `$eq` alone.
https://docs.pinecone.io/guides/search/filter-by-metadata
"""

from typing import Any, Final

from rag.adapters.pinecone_filters import READERS
from rag.filters import Clause, Filter, Scalar
from rag.models import Principal

FIELD_PREFIX: Final = "u"  # no system field begins with it; a name of 63 characters leaves one byte of 64

Condition = dict[str, Any]


def admitted_documents(principal: Principal, where: Filter | None) -> Condition:
    """Return the filter of every search: a chunk must share a reader with the principal, whatever `where` says."""
    readable = {READERS: {"$in": list(principal.readers)}}
    return readable if where is None else {"$and": [readable, _compiled(where)]}


def _compiled(where: Filter) -> Condition:
    if isinstance(where, Clause):
        return _clause(where)
    return {where.operator: [_compiled(operand) for operand in where.operands]}


def _clause(clause: Clause) -> Condition:
    field = FIELD_PREFIX + clause.field
    if isinstance(clause.value, tuple):
        listed = _listed(field, clause.value)
        return listed if clause.operator == "$in" else _present_and_not(field, listed)
    if clause.operator == "$ne":
        return _present_and_not(field, {field: {"$eq": clause.value}})
    return {field: {clause.operator: clause.value}}


def _present_and_not(field: str, condition: Condition) -> Condition:
    return {"$and": [{field: {"$exists": True}}, {"$not": condition}]}


def _listed(field: str, values: tuple[Scalar, ...]) -> Condition:
    strings = [value for value in values if isinstance(value, str)]
    conditions: list[Condition] = [{field: {"$in": strings}}] if strings else []
    conditions += [{field: {"$eq": value}} for value in values if not isinstance(value, str)]
    return conditions[0] if len(conditions) == 1 else {"$or": conditions}
