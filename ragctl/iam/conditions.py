"""The conditions of policy statements, those of IAM's operators that policies here use."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

Context = Mapping[str, Sequence[str]]  # condition keys in lower case, as s3:prefix, and their values in a request
_Test = Callable[[str, str], bool]  # of a request's value and a policy's


class UnknownOperatorError(ValueError):
    """A policy uses what is not evaluated here."""


@lru_cache(maxsize=4096)
def wildcards(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which * stands for any characters and ? for one."""
    return re.compile("".join({"*": ".*", "?": "."}.get(part, re.escape(part)) for part in pattern), re.DOTALL)


def like(value: str, pattern: str) -> bool:
    """Return whether a value is of a pattern."""
    return wildcards(pattern).fullmatch(value) is not None


def _equal(value: str, expected: str) -> bool:
    return value == expected


def _same_truth(value: str, expected: str) -> bool:
    return value.lower() == expected.lower()


_TESTS: Mapping[str, _Test] = {
    "StringEquals": _equal,
    "StringLike": like,
    "ArnEquals": like,  # for IAM the same as ArnLike
    "ArnLike": like,
    "Bool": _same_truth,
}
_NEGATIONS: Mapping[str, _Test] = {
    "StringNotEquals": _equal,
    "StringNotLike": like,
    "ArnNotEquals": like,
    "ArnNotLike": like,
}
_OPERATOR = re.compile(r"(?:(?P<set>ForAllValues|ForAnyValue):)?(?P<name>\w+?)(?P<if_exists>IfExists)?")


def check(conditions: Mapping[str, Any]) -> None:
    """Raise UnknownOperatorError unless every operator is known here."""
    for operator in conditions:
        parsed = _OPERATOR.fullmatch(operator)
        if parsed is None or parsed["name"] not in {*_TESTS, *_NEGATIONS, "Null"}:
            raise UnknownOperatorError(f"the condition operator {operator} is not evaluated here")


def hold(conditions: Mapping[str, Any], context: Context) -> bool:
    """Return whether all conditions of a statement hold in the context of a request."""
    return all(
        _holds(operator, context.get(key.lower()), _listed(expected))
        for operator, keys in conditions.items()
        for key, expected in keys.items()
    )


def _holds(operator: str, values: Sequence[str] | None, expected: list[str]) -> bool:
    parsed = _OPERATOR.fullmatch(operator)
    if parsed is None:
        raise UnknownOperatorError(operator)
    name = parsed["name"]
    if name == "Null":
        return expected == [str(values is None).lower()]
    if values is None:
        return bool(parsed["if_exists"]) or name in _NEGATIONS or parsed["set"] == "ForAllValues"
    if name in _NEGATIONS:
        return not any(_NEGATIONS[name](value, one) for value in values for one in expected)
    quantified = any if parsed["set"] == "ForAnyValue" else all
    return quantified(any(_TESTS[name](value, one) for one in expected) for value in values)


def _listed(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(one).lower() if isinstance(one, bool) else str(one) for one in values]
