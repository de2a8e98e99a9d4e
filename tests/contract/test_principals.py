"""One contract each for the ports Principals and Counts: the fakes, and DynamoDB as moto serves it."""

from typing import Any

import pytest

from rag.adapters.dynamodb_counts import DynamoCounts
from rag.adapters.dynamodb_principals import DynamoPrincipals
from rag.errors import InternalError
from rag.http.allowance import Counts
from rag.http.callers import Caller
from rag.models import Principal
from tests.contract.principals_table import TABLE, create_principals_table
from tests.fakes.memory_callers import MemoryCounts, MemoryPrincipals

ANN = Caller("user/123456789012/ann", Principal("acme", ("board", "hr")), writer=True)
APP = Caller("role/123456789012/App", Principal("other"))


@pytest.fixture
def client(mocked_aws: None) -> Any:
    return create_principals_table()


@pytest.fixture(params=["memory", "dynamodb"])
def principals(request: pytest.FixtureRequest) -> MemoryPrincipals | DynamoPrincipals:
    if request.param == "memory":
        return MemoryPrincipals()
    return DynamoPrincipals(TABLE, client=request.getfixturevalue("client"))


@pytest.fixture(params=["memory", "dynamodb"])
def counts(request: pytest.FixtureRequest) -> Counts:
    return (
        MemoryCounts() if request.param == "memory" else DynamoCounts(TABLE, client=request.getfixturevalue("client"))
    )


def test_a_caller_that_nobody_noted_is_none(principals: MemoryPrincipals | DynamoPrincipals) -> None:
    assert principals.find(ANN.id) is None


@pytest.mark.parametrize("caller", [ANN, APP])
def test_a_caller_is_found_as_it_was_noted(principals: MemoryPrincipals | DynamoPrincipals, caller: Caller) -> None:
    principals.store(caller)
    assert principals.find(caller.id) == caller


def test_a_caller_is_who_it_was_noted_as_last(principals: MemoryPrincipals | DynamoPrincipals) -> None:
    principals.store(ANN)
    principals.store(Caller(ANN.id, Principal("other")))
    assert principals.find(ANN.id) == Caller(ANN.id, Principal("other"))


def test_all_callers_are_listed_and_no_counts(client: Any) -> None:
    principals = DynamoPrincipals(TABLE, client=client)
    for caller in (ANN, APP):
        principals.store(caller)
    DynamoCounts(TABLE, client=client).raised("count/2026-11-22/token/ann", 1, 10, 2_000)
    assert sorted(principals.all(), key=lambda caller: caller.id) == [APP, ANN]


def test_a_caller_can_be_forgotten(client: Any) -> None:
    principals = DynamoPrincipals(TABLE, client=client)
    principals.store(ANN)
    assert principals.remove(ANN.id)
    assert not principals.remove(ANN.id)
    assert principals.find(ANN.id) is None


@pytest.mark.parametrize(
    "broken",
    [
        {"tenant": {"S": "ACME"}}, {"groups": {"S": "hr"}}, {"groups": {"L": []}}, {"groups": {"S": '["HR"]'}},
        {"writer": {"S": "true"}}, {"tenant": {"NULL": True}},
    ],
)  # fmt: skip
def test_an_item_that_is_half_a_caller_is_nobody(client: Any, broken: dict[str, Any]) -> None:
    sound = {"caller": {"S": "key/k"}, "tenant": {"S": "acme"}, "groups": {"S": "[]"}, "writer": {"BOOL": True}}
    client.put_item(TableName=TABLE, Item=sound | broken)
    with pytest.raises(InternalError, match="no caller"):
        DynamoPrincipals(TABLE, client=client).find("key/k")


def test_a_count_s_item_is_no_caller(client: Any) -> None:
    DynamoCounts(TABLE, client=client).raised("count/2026-11-22/token/ann", 1, 10, 2_000)
    with pytest.raises(InternalError):
        DynamoPrincipals(TABLE, client=client).find("count/2026-11-22/token/ann")


def test_a_count_is_raised_up_to_its_limit(counts: Counts) -> None:
    assert [counts.raised("count/a", by, 5, 2_000) for by in (2, 3, 1)] == [True, True, False]
    assert counts.raised("count/b", 5, 5, 2_000)


def test_a_count_is_raised_whole_or_not_at_all(counts: Counts) -> None:
    assert counts.raised("count/a", 3, 5, 2_000)
    assert not counts.raised("count/a", 3, 5, 2_000)
    assert counts.raised("count/a", 2, 5, 2_000)


def test_more_than_the_limit_is_never_counted(counts: Counts) -> None:
    assert not counts.raised("count/a", 6, 5, 2_000)
    assert counts.raised("count/a", 5, 5, 2_000)


def test_of_many_no_more_are_counted_than_the_limit(counts: Counts) -> None:
    """One after another: that DynamoDB holds condition and change together, moto does not imitate."""
    assert [counts.raised("count/a", 1, 10, 2_000) for _ in range(30)].count(True) == 10


def test_what_was_counted_can_be_taken_back_once(counts: Counts) -> None:
    assert counts.raised("c", 3, 3, 9)
    counts.lowered("c", 2)
    assert counts.raised("c", 2, 3, 9)
    assert not counts.raised("c", 1, 3, 9)


def test_nothing_is_taken_back_of_what_was_never_counted(counts: Counts) -> None:
    counts.lowered("c", 1)
    assert counts.raised("c", 3, 3, 9)
    assert not counts.raised("c", 1, 3, 9)


def test_a_count_expires(client: Any) -> None:
    DynamoCounts(TABLE, client=client).raised("count/a", 2, 5, 2_000)
    item = client.get_item(TableName=TABLE, Key={"caller": {"S": "count/a"}})["Item"]
    assert item == {"caller": {"S": "count/a"}, "used": {"N": "2"}, "expires_at": {"N": "2000"}}


def test_a_caller_is_read_consistently(client: Any) -> None:
    asked = list[bool]()
    client.meta.events.register(
        "before-parameter-build.dynamodb.GetItem", lambda params, **_: asked.append(params["ConsistentRead"])
    )
    DynamoPrincipals(TABLE, client=client).find(ANN.id)
    assert asked == [True]
