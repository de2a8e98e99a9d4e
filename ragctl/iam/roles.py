"""The grants of a translated template's roles, named as the template names its resources."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from ragctl.iam.policy import listed
from ragctl.local.constraints import condition_holds

Template = Mapping[str, Any]
When = tuple[str, ...]  # conditions of the template that hold, or do not: "UseMilvus", "not UseMilvus"

_ALIAS = re.compile(r"(\w+)Alias(live)")
_SUBSTITUTED = re.compile(r"\$\{([^!}]+)\}")
_PSEUDO = {"AWS::Partition": "aws", "AWS::Region": "REGION", "AWS::AccountId": "ACCOUNT", "AWS::StackName": "STACK"}
_FOREIGN = re.compile(r"arn:aws:(?P<service>[a-z-]+):(?:REGION)?:(?:ACCOUNT)?:(?P<resource>.*)", re.DOTALL)


@dataclass(frozen=True)
class TemplateGrant:
    """One action that a statement of a role allows on one resource; `condition` is IAM's, `when` the template's."""

    role: str
    policy: str
    statement: int  # of the policy, counted with those that other parameters bring
    position: int  # of the resource, counted likewise
    action: str
    resource: str
    condition: str
    when: When


Place = tuple[str, str, int, str, int]  # role, policy, statement, action and position, as a stack has them


def grants(template: Template) -> list[TemplateGrant]:
    """Return every grant that some choice of parameters makes, by the names of the roles."""
    policies = [*_inline(template), *_attached(template)]
    found = [grant for role, policy, when in policies for grant in _of_policy(role, policy, when)]
    return sorted(found, key=lambda grant: (grant.role, grant.policy))


def placed(found: list[TemplateGrant], template: Template, parameters: Mapping[str, str]) -> dict[Place, TemplateGrant]:
    """Return the grants that a stack with these parameters has, by where its policies have them."""
    conditions = template.get("Conditions") or {}

    @cache
    def is_met(condition: str) -> bool:
        name = condition.removeprefix("not ")
        return condition_holds(name, conditions, parameters) is (name == condition)

    active = [grant for grant in found if all(map(is_met, grant.when))]
    statements: dict[tuple[str, str], list[int]] = {}
    positions: dict[tuple[str, str, int], list[int]] = {}
    for grant in active:
        numbers = statements.setdefault((grant.role, grant.policy), [])
        if grant.statement not in numbers:
            numbers.append(grant.statement)
        places = positions.setdefault((grant.role, grant.policy, grant.statement), [])
        if grant.position not in places:
            places.append(grant.position)
    return {
        (
            grant.role,
            grant.policy,
            statements[grant.role, grant.policy].index(grant.statement),
            grant.action,
            positions[grant.role, grant.policy, grant.statement].index(grant.position),
        ): grant
        for grant in active
    }


def _inline(template: Template) -> Iterator[tuple[str, Mapping[str, Any], When]]:
    for name, resource in template["Resources"].items():
        if resource["Type"] == "AWS::IAM::Role":
            for entry in resource["Properties"].get("Policies", []):
                for policy, when in _branches(entry, _condition_of(resource)):
                    yield name, policy, when


def _attached(template: Template) -> Iterator[tuple[str, Mapping[str, Any], When]]:
    for resource in template["Resources"].values():
        if resource["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            for role in resource["Properties"]["Roles"]:
                for named, when in _branches(role, _condition_of(resource)):
                    yield named["Ref"], resource["Properties"], when


def _condition_of(resource: Mapping[str, Any]) -> When:
    return (resource["Condition"],) if "Condition" in resource else ()


def _of_policy(role: str, policy: Mapping[str, Any], when: When) -> Iterator[TemplateGrant]:
    for number, entry in enumerate(listed(policy["PolicyDocument"]["Statement"])):
        for statement, statement_when in _branches(entry, when):
            for action in listed(statement["Action"]):
                for position, either in enumerate(listed(statement["Resource"])):
                    for resource, resource_when in _branches(either, statement_when):
                        yield TemplateGrant(
                            role,
                            policy["PolicyName"],
                            number,
                            position,
                            action,
                            label(resource),
                            _condition(statement.get("Condition")),
                            resource_when,
                        )


def _branches(node: Any, when: When) -> Iterator[tuple[Any, When]]:
    """Yield what a node may be, and under which conditions; what AWS::NoValue drops is nothing."""
    if isinstance(node, dict) and "Fn::If" in node:
        condition, then, otherwise = node["Fn::If"]
        yield from _branches(then, (*when, condition))
        yield from _branches(otherwise, (*when, f"not {condition}"))
    elif node != {"Ref": "AWS::NoValue"}:
        yield node, when


def label(node: Any) -> str:
    """Return a resource of a policy as a reader of the template knows it: RegistryTable/index/by_source."""
    text = _text(node)
    foreign = _FOREIGN.fullmatch(text)
    return f"{foreign['service']}:{foreign['resource']}" if foreign else text


def _text(node: Any) -> str:  # noqa: PLR0911 - one for each function
    match node:
        case str():
            return node
        case {"Ref": str(name)}:
            return _PSEUDO.get(name, _ALIAS.sub(r"\1:\2", name))
        case {"Fn::GetAtt": [str(name), "Arn"]}:
            return name
        case {"Fn::GetAtt": [str(name), str(attribute)]}:
            return name if attribute == "Name" else f"{name}.{attribute}"
        case {"Fn::Sub": str(text)}:
            return _SUBSTITUTED.sub(lambda part: _text(_referred(part[1])), text)
        case {"Fn::Join": [str(separator), list(parts)]}:
            return separator.join(_text(part) for part in parts)
    return json.dumps(node)


def _referred(name: str) -> dict[str, Any]:
    logical_id, _, attribute = name.partition(".")
    return {"Fn::GetAtt": [logical_id, attribute]} if attribute else {"Ref": name}


def _condition(condition: Mapping[str, Any] | None) -> str:
    return "; ".join(
        f"{operator} {key} {', '.join(_text(one) for one in listed(expected))}"
        for operator, keys in (condition or {}).items()
        for key, expected in keys.items()
    )
