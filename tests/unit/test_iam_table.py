"""docs/iam.md is the table of the template's roles; no policy of it has a wildcard action."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ragctl.checks.translated import PARAMETERS
from ragctl.iam.policy import listed
from ragctl.iam.roles import Template, TemplateGrant, grants, placed
from ragctl.iam.table import table
from ragctl.iam.uncalled import UNCALLED
from ragctl.local.translation import translate

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def template() -> Template:
    return translate(ROOT / "template.yaml", PARAMETERS).template


def test_the_committed_table_is_that_of_the_template(template: Template) -> None:
    assert (ROOT / "docs" / "iam.md").read_text() == table(grants(template)), "run: python -m ragctl.iam"


def test_no_policy_allows_an_action_with_a_wildcard(template: Template) -> None:
    """Roles' policies and those of buckets, queues, topics: all but a key's, whose owner must be able to change it."""
    of_keys = {name for name, resource in template["Resources"].items() if resource["Type"] == "AWS::KMS::Key"}
    broad = [
        (name, action)
        for name, resource in template["Resources"].items()
        for statement in _statements(resource)
        for action in listed(statement.get("Action", "NotAction: *"))
        if statement["Effect"] == "Allow" and "*" in action and (name not in of_keys or action != "kms:*")
    ]
    assert broad == []


def test_no_role_has_a_managed_policy(template: Template) -> None:
    roles = [one for one in template["Resources"].values() if one["Type"] == "AWS::IAM::Role"]
    assert roles
    assert not [role for role in roles if "ManagedPolicyArns" in role["Properties"]]


def test_every_reason_is_that_of_some_right(template: Template) -> None:
    every = grants(template)
    assert [entry for entry in UNCALLED if not any(entry.covers(grant) for grant in every)] == []


ROLE = {
    "Type": "AWS::IAM::Role",
    "Properties": {
        "Policies": [
            {
                "PolicyName": "p",
                "PolicyDocument": {
                    "Statement": [
                        {"Fn::If": ["A", {"Effect": "Allow", "Action": "x:A", "Resource": {"Ref": "One"}},
                                    {"Ref": "AWS::NoValue"}]},
                        {"Effect": "Allow", "Action": ["x:B", "x:C"], "Resource": [
                            {"Fn::If": ["A", {"Fn::GetAtt": ["One", "Arn"]}, {"Ref": "AWS::NoValue"}]},
                            {"Fn::Sub": "${Two.Arn}/index/i"}]},
                    ]
                },
            }
        ]
    },
}  # fmt: skip
SMALL: Template = {
    "Conditions": {"A": {"Fn::Equals": [{"Ref": "P"}, "yes"]}},
    "Resources": {"SomeRole": ROLE, "One": {"Type": "T"}, "Two": {"Type": "T"}},
}


def test_a_grant_is_there_under_the_conditions_of_its_statement_and_its_resource() -> None:
    told = {(grant.action, grant.resource): grant.when for grant in grants(SMALL)}
    assert told == {
        ("x:A", "One"): ("A",),
        ("x:B", "One"): ("A",),
        ("x:C", "One"): ("A",),
        ("x:B", "Two/index/i"): (),
        ("x:C", "Two/index/i"): (),
    }


@pytest.mark.parametrize(("value", "statement", "position"), [("yes", 1, 1), ("no", 0, 0)])
def test_a_grant_is_found_where_a_stack_s_policies_have_it(value: str, statement: int, position: int) -> None:
    present = placed(grants(SMALL), SMALL, {"P": value})
    assert _named(present["SomeRole", "p", statement, "x:C", position]) == ("x:C", "Two/index/i")
    assert len(present) == (5 if value == "yes" else 2)


def _named(grant: TemplateGrant) -> tuple[str, str]:
    return grant.action, grant.resource


def _statements(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the statements of all policies in a part of the template, whatever they depend on."""
    match node:
        case {"Effect": _}:
            yield node
        case dict():
            for value in node.values():
                yield from _statements(value)
        case list():
            for value in node:
                yield from _statements(value)
