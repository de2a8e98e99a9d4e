"""What a template demands of its parameters, alone and together, held against their values as CloudFormation would."""

import re
from collections.abc import Mapping
from math import isfinite
from typing import Any


class NotEvaluatedError(Exception):
    """A rule or condition uses a function that is not evaluated here."""


def misfit(declaration: Mapping[str, Any], value: str) -> str | None:
    """Return what keeps a parameter from having this value, to be read after "Parameter X is 'value'"."""
    allowed = [str(choice) for choice in declaration.get("AllowedValues", [value])]
    if value not in allowed:
        return f". Allowed: {', '.join(allowed)}."
    if not re.fullmatch(str(declaration.get("AllowedPattern", ".*")), value, re.DOTALL):
        return f", which does not match {declaration['AllowedPattern']}"
    if declaration.get("Type") == "Number":
        return _number_misfit(declaration, value)
    return _outside(declaration, "Length", len(value), " characters")


def violated_rule(rules: Mapping[str, Any], values: Mapping[str, str]) -> str | None:
    """Return what the first violated assertion says. A rule with other functions than Equals, Not, And, Or passes."""
    for name, rule in rules.items():
        try:
            if "RuleCondition" in rule and not _holds(rule["RuleCondition"], values):
                continue
            for assertion in rule.get("Assertions", []):
                if not _holds(assertion["Assert"], values):
                    return str(assertion.get("AssertDescription") or f"The template's rule {name} is violated.")
        except NotEvaluatedError:
            continue
    return None


def condition_holds(name: str, conditions: Mapping[str, Any], values: Mapping[str, str]) -> bool:
    """Return whether a template's condition holds.

    Raises:
        NotEvaluatedError: it uses other functions than Equals, Not, And, Or, Condition.
    """
    return _holds(_expanded(conditions[name], conditions), values)


def _expanded(node: Any, conditions: Mapping[str, Any]) -> Any:
    """Put conditions in the place of their names."""
    match node:
        case {"Condition": str(name)}:
            return _expanded(conditions[name], conditions)
        case dict():
            return {key: _expanded(value, conditions) for key, value in node.items()}
        case list():
            return [_expanded(one, conditions) for one in node]
    return node


def _number_misfit(declaration: Mapping[str, Any], value: str) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return ", which is no number."
    return _outside(declaration, "Value", number, "") if isfinite(number) else ", which is no number."


def _outside(declaration: Mapping[str, Any], what: str, measured: float, unit: str) -> str | None:
    least, most = declaration.get(f"Min{what}"), declaration.get(f"Max{what}")
    if least is not None and measured < float(least):
        return f". It must be at least {least}{unit}."
    if most is not None and measured > float(most):
        return f". It must be at most {most}{unit}."
    return None


def _holds(condition: object, values: Mapping[str, str]) -> bool:
    match condition:
        case {"Fn::Equals": [left, right]}:
            return _value(left, values) == _value(right, values)
        case {"Fn::Not": [inner]}:
            return not _holds(inner, values)
        case {"Fn::And": [*inner]}:
            return all(_holds(one, values) for one in inner)
        case {"Fn::Or": [*inner]}:
            return any(_holds(one, values) for one in inner)
    raise NotEvaluatedError


def _value(operand: object, values: Mapping[str, str]) -> str:
    match operand:
        case {"Ref": str(name)} if name in values:
            return values[name]
        case bool():
            return str(operand).lower()
        case str() | int() | float():
            return str(operand)
    raise NotEvaluatedError
