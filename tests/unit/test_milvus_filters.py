"""The expressions that Milvus is asked with: who may read is in each of them, and values are only values."""

import pytest

from rag.adapters.milvus_filters import chunks_of, documents_of, literal, visible
from rag.errors import InvalidRequest
from rag.filters import Scalar, parse_filter
from rag.models import Principal


def compiled(where: object) -> str:
    """Return the expression of a filter without the part that tells who asks."""
    return visible(Principal("acme"), parse_filter(where)).removeprefix(visible(Principal("acme")) + " and ")


def test_a_principal_without_groups_sees_what_is_open_in_its_tenant() -> None:
    assert visible(Principal("acme")) == 'tenant == "acme" and open_to_tenant == true'


def test_a_principal_with_groups_sees_what_shares_one_as_well() -> None:
    assert visible(Principal("acme", ("hr", "board"))) == (
        'tenant == "acme" and (open_to_tenant == true or array_contains_any(readers, ["hr", "board"]))'
    )


def test_a_filter_stands_in_parentheses_behind_who_asks() -> None:
    where = parse_filter({"$or": [{"a": 1}, {"b": "x"}]})

    assert visible(Principal("acme"), where) == (
        'tenant == "acme" and open_to_tenant == true and (meta["number:a"] == 1 or meta["text:b"] == "x")'
    )


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"a": "x"}, 'meta["text:a"] == "x"'),
        ({"a": True}, 'meta["flag:a"] == true'),
        ({"a": 2.0}, 'meta["number:a"] == 2'),
        ({"a": -0.5}, 'meta["number:a"] == -0.5'),
        ({"a": {"$gte": 1e300}}, 'meta["number:a"] >= 1e+300'),
        ({"a": {"$in": ["x", 1]}}, '(meta["text:a"] == "x" or meta["number:a"] == 1)'),
        (
            {"a": {"$nin": ["x", True]}},
            (
                '(((exists meta["text:a"]) and meta["text:a"] != "x") or (exists meta["number:a"]) or '
                '((exists meta["flag:a"]) and meta["flag:a"] != true))'
            ),
        ),
    ],
)
def test_conditions_name_the_type_and_the_value(where: object, expected: str) -> None:
    assert compiled(where) == expected


@pytest.mark.parametrize("value", ['"', "\\", '" or true or "', "{x}", "é🙂"])
def test_a_string_cannot_leave_its_quotes(value: str) -> None:
    inside = literal(value)[1:-1]

    assert '"' not in inside.replace("\\\\", "").replace('\\"', "")


@pytest.mark.parametrize("value", ["line\nbreak", "\x00", "\ud800"])
def test_what_milvus_cannot_read_back_is_refused(value: str) -> None:
    with pytest.raises(InvalidRequest):
        literal(value)
    with pytest.raises(InvalidRequest):
        chunks_of("acme", [value])
    with pytest.raises(InvalidRequest):
        documents_of(value, ["a"])


@pytest.mark.parametrize(("value", "expected"), [(1, "1"), (1.0, "1"), (-0.0, "0"), (1.5, "1.5"), (False, "false")])
def test_numbers_and_flags_are_written_in_one_way(value: Scalar, expected: str) -> None:
    assert literal(value) == expected
