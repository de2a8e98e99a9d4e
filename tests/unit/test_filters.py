"""The filter language: what parses, into what, and what is refused."""

from typing import Any

import pytest

from rag.errors import InvalidRequest
from rag.filters import Clause, Group, parse_filter


@pytest.mark.parametrize(
    ("raw", "tree"),
    [
        ({"kind": "policy"}, Clause("kind", "$eq", "policy")),
        ({"year": {"$gte": 2024}}, Clause("year", "$gte", 2024)),
        ({"draft": {"$exists": False}}, Clause("draft", "$exists", value=False)),
        ({"kind": {"$in": ["a", 1, True]}}, Clause("kind", "$in", ("a", 1, True))),
        (
            {"year": {"$gte": 2020, "$lt": 2024}},
            Group("$and", (Clause("year", "$gte", 2020), Clause("year", "$lt", 2024))),
        ),
        ({"$or": [{"a": 1}, {"b": 2}]}, Group("$or", (Clause("a", "$eq", 1), Clause("b", "$eq", 2)))),
        ({"$and": [{"a": 1}]}, Clause("a", "$eq", 1)),
        ({"a": 1, "$or": [{"b": 2}, {"c": 3}]}, Group("$and", (
            Clause("a", "$eq", 1), Group("$or", (Clause("b", "$eq", 2), Clause("c", "$eq", 3)))))),
    ],
)  # fmt: skip
def test_a_filter_becomes_a_tree(raw: Any, tree: Any) -> None:
    assert parse_filter(raw) == tree


def _nested(levels: int) -> dict[str, Any]:
    return {"a": 1} if levels == 0 else {"$or": [_nested(levels - 1), {"b": 2}]}


@pytest.mark.parametrize(
    "raw",
    [
        None, [], "x", {}, {"$or": []}, {"$or": {}}, {"$or": [{}]}, {"$not": [{"a": 1}]}, {"a": {}}, {"a": None},
        {"a": []}, {"a": {"$eq": None}}, {"a": {"$eq": [1]}}, {"a": {"$in": []}}, {"a": {"$in": "x"}},
        {"a": {"$in": [[1]]}}, {"a": {"$in": list(range(101))}}, {"a": {"$gt": "1"}}, {"a": {"$gt": True}},
        {"a": {"$gt": float("nan")}}, {"a": {"$lt": float("inf")}}, {"a": 2**53 + 1}, {"a": {"$exists": 1}},
        {"a": {"$regex": "x"}}, {"": 1}, {"1a": 1}, {"a b": 1}, {"a.b": 1}, {"a" * 64: 1}, {"a\n": 1},
        {"a": "x" * 513}, {"a": "\x00"}, {"a": "\n"}, {"a": "\x85"}, {"a": "\udc00"}, _nested(5),
        {"$and": [{"a": 1}] * 51},
    ],
)  # fmt: skip
def test_what_is_not_of_the_language_is_refused(raw: Any) -> None:
    with pytest.raises(InvalidRequest, match="filter"):
        parse_filter(raw)


def test_the_deepest_filter_that_is_allowed() -> None:
    assert isinstance(parse_filter(_nested(4)), Group)
