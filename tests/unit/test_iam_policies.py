"""Policies are evaluated as IAM evaluates them."""

from typing import Any

import pytest

from ragctl.iam.policy import Call, Rights, UnreadablePolicyError, grants_of

BUCKET = "arn:aws:s3:::documents"


def rights(*statements: dict[str, Any]) -> Rights:
    return Rights(grants_of("p", {"Statement": list(statements)}))


def statement(action: Any, resource: Any = "*", effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        (f"{BUCKET}/staging/a/b.json", True),
        (f"{BUCKET}/staging/", True),
        (f"{BUCKET}/stagings/a", False),
        (f"{BUCKET}/documents/staging/a", False),
        ("arn:aws:s3:::documents-of-others/staging/a", False),
        (BUCKET, False),
    ],
)
def test_a_wildcard_stands_for_what_follows_and_nothing_before(resource: str, allowed: bool) -> None:
    held = rights(statement("s3:GetObject", f"{BUCKET}/staging/*"))
    assert bool(held.allowing(Call("s3:GetObject", resource))) is allowed


def test_an_action_is_allowed_whatever_its_case_and_no_other_one_is() -> None:
    held = rights(statement(["dynamodb:getitem"], "t"))
    assert held.allowing(Call("dynamodb:GetItem", "t"))
    assert not held.allowing(Call("dynamodb:PutItem", "t"))


def test_a_table_is_not_its_index() -> None:
    held = rights(statement("dynamodb:Query", "arn:aws:dynamodb:r:1:table/t"))
    assert not held.allowing(Call("dynamodb:Query", "arn:aws:dynamodb:r:1:table/t/index/i"))


def test_what_is_denied_is_not_allowed_whatever_else_says_so() -> None:
    held = rights(statement("s3:*"), statement("s3:DeleteObject", f"{BUCKET}/documents/*", "Deny"))
    assert held.allowing(Call("s3:DeleteObject", f"{BUCKET}/staging/a"))
    assert not held.allowing(Call("s3:DeleteObject", f"{BUCKET}/documents/a"))


PREFIX = {"s3:prefix": ["staging/*"]}


@pytest.mark.parametrize(
    ("operator", "prefix", "allowed"),
    [
        ("StringLike", "staging/x", True),
        ("StringLike", "runs/x", False),
        ("StringLike", None, False),
        ("StringLikeIfExists", None, True),
        ("StringLikeIfExists", "runs/x", False),
        ("StringNotLike", "runs/x", True),
        ("StringNotLike", "staging/x", False),
        ("StringNotLike", None, True),
    ],
)
def test_a_condition_holds_for_the_prefix_that_is_listed(operator: str, prefix: str | None, allowed: bool) -> None:
    held = rights(statement("s3:ListBucket", BUCKET, Condition={operator: PREFIX}))
    context = {} if prefix is None else {"s3:prefix": [prefix]}
    assert bool(held.allowing(Call("s3:ListBucket", BUCKET, context))) is allowed


def test_all_conditions_must_hold_and_one_value_of_each() -> None:
    both = {"StringEquals": {"a": ["1", "2"], "b": "3"}, "Null": {"c": "true"}}
    held = rights(statement("x:Y", Condition=both))
    assert held.allowing(Call("x:Y", "r", {"a": ["2"], "b": ["3"]}))
    assert not held.allowing(Call("x:Y", "r", {"a": ["2"], "b": ["4"]}))
    assert not held.allowing(Call("x:Y", "r", {"a": ["2"], "b": ["3"], "c": ["4"]}))


@pytest.mark.parametrize(
    ("quantifier", "values", "allowed"),
    [("ForAllValues", ["a", "b"], True), ("ForAllValues", ["a", "z"], False), ("ForAnyValue", ["a", "z"], True)],
)
def test_a_quantifier_asks_for_all_values_or_any(quantifier: str, values: list[str], allowed: bool) -> None:
    held = rights(statement("x:Y", Condition={f"{quantifier}:StringEquals": {"k": ["a", "b"]}}))
    assert bool(held.allowing(Call("x:Y", "r", {"k": values}))) is allowed


def test_a_grant_tells_where_the_policy_has_it() -> None:
    held = rights(statement("x:A"), statement(["x:B", "x:C"], ["r", "s*"]))
    (grant,) = held.allowing(Call("x:C", "second"))
    assert (grant.policy, grant.statement, grant.action, grant.position) == ("p", 1, "x:C", 1)


@pytest.mark.parametrize(
    "unread",
    [
        {"Effect": "Allow", "NotAction": "s3:GetObject", "Resource": "*"},
        statement("s3:GetObject", f"{BUCKET}/${{aws:username}}/*"),
        statement("s3:GetObject", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}),
    ],
)
def test_what_is_not_understood_is_said_and_not_guessed(unread: dict[str, Any]) -> None:
    with pytest.raises(UnreadablePolicyError, match="not evaluated here"):
        rights(unread)
