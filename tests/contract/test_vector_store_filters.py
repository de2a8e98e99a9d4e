"""What a filter admits: every operator of the portable language, on every vector store."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.conftest import NewTenant
from tests.contract.vector_stores import Tenant

YEARS = {"old": 2019, "mid": 2024, "new": 2026}
HOSTILE = [
    "",
    " ",
    "plain",
    "Plain",
    "it's",
    '"quoted"',
    '" or true or "',
    "'; drop table chunks; --",
    "\\",
    '\\"',
    "\\u0041",
    "A",
    "%",
    "a_b",
    "{x}",
    "$ne",
    '{"$ne": ""}',
    "null",
    "true",
    "2026",
    "日本語",
    "é",
    "e\u0301",
    "👩‍🚀",
    "\u202eright to left",
    "x" * 512,
]


@pytest.fixture
def shelf(tenant: Tenant) -> Tenant:
    """Documents with a kind, a year, a draft mark and a rating, each missing somewhere."""
    tenant.load_metadata(
        policy={"kind": "policy", "year": 2024, "draft": False},
        manual={"kind": "manual", "year": 2019, "rating": 4.5},
        draft={"kind": "policy", "year": 2026, "draft": True, "rating": -1.5},
        bare={},
    )
    return tenant


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"kind": "policy"}, {"policy", "draft"}),
        ({"kind": {"$eq": "policy"}}, {"policy", "draft"}),
        ({"year": 2024}, {"policy"}),
        ({"year": 2024.0}, {"policy"}),
        ({"rating": 4.5}, {"manual"}),
        ({"draft": True}, {"draft"}),
        ({"draft": False}, {"policy"}),
        ({"kind": "none"}, set()),
        ({"absent": "policy"}, set()),
    ],
)
def test_eq_admits_what_holds_the_value(shelf: Tenant, where: object, expected: set[str]) -> None:
    assert shelf.finds(where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"kind": {"$ne": "policy"}}, {"manual"}),
        ({"year": {"$ne": 2024}}, {"manual", "draft"}),
        ({"draft": {"$ne": True}}, {"policy"}),
        ({"rating": {"$ne": 0}}, {"manual", "draft"}),
        ({"absent": {"$ne": "x"}}, set()),
    ],
)
def test_ne_admits_only_what_has_the_field(shelf: Tenant, where: object, expected: set[str]) -> None:
    assert shelf.finds(where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"year": {"$gt": 2024}}, {"draft"}),
        ({"year": {"$gte": 2024}}, {"policy", "draft"}),
        ({"year": {"$lt": 2024}}, {"manual"}),
        ({"year": {"$lte": 2024}}, {"policy", "manual"}),
        ({"rating": {"$lt": 0}}, {"draft"}),
        ({"rating": {"$gt": -1.5}}, {"manual"}),
        ({"year": {"$gte": 2019, "$lt": 2026}}, {"policy", "manual"}),
        ({"kind": {"$gt": 0}}, set()),
        ({"draft": {"$gte": 0}}, set()),
        ({"absent": {"$lt": 0}}, set()),
    ],
)
def test_ranges_admit_numbers_within_them(shelf: Tenant, where: object, expected: set[str]) -> None:
    assert shelf.finds(where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"kind": {"$in": ["manual", "none"]}}, {"manual"}),
        ({"year": {"$in": [2019, 2026]}}, {"manual", "draft"}),
        ({"draft": {"$in": [True]}}, {"draft"}),
        ({"draft": {"$in": [True, False]}}, {"policy", "draft"}),
        ({"draft": {"$in": ["x", 1, True]}}, {"draft"}),
        ({"absent": {"$in": ["x"]}}, set()),
    ],
)
def test_in_admits_what_holds_one_of_the_values(shelf: Tenant, where: object, expected: set[str]) -> None:
    assert shelf.finds(where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"kind": {"$nin": ["policy", "none"]}}, {"manual"}),
        ({"year": {"$nin": [2019, 2026]}}, {"policy"}),
        ({"draft": {"$nin": [True]}}, {"policy"}),
        ({"draft": {"$nin": ["x", 0, False]}}, {"draft"}),
        ({"absent": {"$nin": ["x"]}}, set()),
    ],
)
def test_nin_admits_only_what_has_the_field(shelf: Tenant, where: object, expected: set[str]) -> None:
    assert shelf.finds(where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"rating": {"$exists": True}}, {"manual", "draft"}),
        ({"rating": {"$exists": False}}, {"policy", "bare"}),
        ({"draft": {"$exists": True}}, {"policy", "draft"}),
        ({"absent": {"$exists": False}}, {"policy", "manual", "draft", "bare"}),
        ({"text": {"$exists": True}}, set()),
    ],
)
def test_exists_admits_by_the_field_alone(shelf: Tenant, where: object, expected: set[str]) -> None:
    assert shelf.finds(where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"kind": "policy", "draft": False}, {"policy"}),
        ({"$and": [{"kind": "policy"}, {"year": {"$gt": 2024}}]}, {"draft"}),
        ({"$or": [{"kind": "manual"}, {"draft": True}]}, {"manual", "draft"}),
        ({"$or": [{"kind": "manual"}, {"absent": "x"}]}, {"manual"}),
        ({"kind": "policy", "$or": [{"year": 2026}, {"year": 2019}]}, {"draft"}),
        ({"$or": [{"$and": [{"kind": "policy"}, {"draft": True}]}, {"rating": {"$exists": False}}]},
         {"draft", "policy", "bare"}),
        ({"$and": [{"$or": [{"kind": "manual"}, {"kind": "policy"}]}, {"$or": [{"year": 2019}, {"draft": True}]}]},
         {"manual", "draft"}),
        ({"$or": [{"$and": [{"$or": [{"$and": [{"kind": "manual"}, {"year": 2019}]}]}]}]}, {"manual"}),
    ],
)  # fmt: skip
def test_conditions_nest(shelf: Tenant, where: object, expected: set[str]) -> None:
    assert shelf.finds(where) == expected


def test_types_are_told_apart(tenant: Tenant) -> None:
    tenant.load_metadata(text={"x": "1"}, number={"x": 1}, truth={"x": True})

    assert tenant.finds({"x": "1"}) == {"text"}
    assert tenant.finds({"x": 1}) == {"number"}
    assert tenant.finds({"x": True}) == {"truth"}
    assert tenant.finds({"x": {"$in": [1, True]}}) == {"number", "truth"}
    assert tenant.finds({"x": {"$ne": 1}}) == {"text", "truth"}
    assert tenant.finds({"x": {"$nin": [True, "1"]}}) == {"number"}
    assert tenant.finds({"x": {"$gte": 0}}) == {"number"}


def test_neighbouring_numbers_are_told_apart(tenant: Tenant) -> None:
    tenant.load_metadata(largest={"x": 2**53}, below={"x": 2**53 - 1}, fraction={"x": 0.1}, sum={"x": 0.1 + 0.2})

    assert tenant.finds({"x": 2**53}) == {"largest"}
    assert tenant.finds({"x": {"$lt": 2**53, "$gt": 1}}) == {"below"}
    assert tenant.finds({"x": 0.1}) == {"fraction"}
    assert tenant.finds({"x": 0.3}) == set()


def test_a_hundred_values_and_fifty_conditions_are_within_the_limits(tenant: Tenant) -> None:
    tenant.load_metadata(**{name: {"year": year} for name, year in YEARS.items()})

    assert tenant.finds({"year": {"$in": [*range(1927, 2027)]}}) == {"old", "mid", "new"}
    assert tenant.finds({"$or": [{"year": year} for year in range(1977, 2027)]}) == {"old", "mid", "new"}


def test_field_names_with_hyphens_and_of_full_length_work(tenant: Tenant) -> None:
    longest = "x" * 63
    tenant.load_metadata(a={"cost-centre": "a", longest: 1}, b={"cost_centre": "a", "id": "a", "text": "a"})

    assert tenant.finds({"cost-centre": "a"}) == {"a"}
    assert tenant.finds({longest: 1}) == {"a"}
    assert tenant.finds({"id": "a"}) == {"b"}
    assert tenant.finds({"text": "a"}) == {"b"}


def test_the_filter_narrows_before_top_k_counts(tenant: Tenant) -> None:
    tenant.load_metadata(**{f"other{number}": {"kind": "other"} for number in range(20)}, wanted={"kind": "wanted"})

    found = tenant.search({"kind": "wanted"}, top_k=1)

    assert [passage.chunk.document_id for passage in found] == ["wanted"]


def test_hostile_strings_are_only_values(tenant: Tenant) -> None:
    tenant.load(*(tenant.chunk(f"d{number}", metadata={"s": value}) for number, value in enumerate(HOSTILE)))

    for number, value in enumerate(HOSTILE):
        assert tenant.finds({"s": value}) == {f"d{number}"}
        assert tenant.finds({"s": {"$in": [value]}}) == {f"d{number}"}
        assert len(tenant.finds({"s": {"$ne": value}})) == len(HOSTILE) - 1


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40), min_size=2, max_size=30, unique=True
    )
)
def test_any_string_finds_exactly_the_chunks_that_hold_it(new_tenant: NewTenant, values: list[str]) -> None:
    tenant = new_tenant()
    tenant.load(*(tenant.chunk(f"d{number}", metadata={"s": value}) for number, value in enumerate(values)))

    for number, value in enumerate(values):
        assert tenant.finds({"s": value}) == {f"d{number}"}
