"""Mapping templates: Velocity by airspeed, made strict where it is kinder than API Gateway.

A template that leans on what only Python has, on an undefined condition, or on comparing values of two kinds works
here and fails in AWS; so each of these is an error.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from airspeed import Template, operators

from ragctl.local.http.java import METHODS, rendered
from ragctl.local.mending import replace


class TemplateFailedError(Exception):
    """A mapping template does not parse or run. The message quotes the template, and none of its values."""


class NotInApiGatewayError(Exception):
    """A template does what API Gateway would not."""


def render(template: str, names: Mapping[str, Any]) -> str:
    """Return what a template writes.

    Raises:
        TemplateFailedError: it does not parse, or does what API Gateway would not.
    """
    _mend()
    try:
        return str(_compiled(template).merge(dict(names)))
    except operators.TemplateExecutionError as error:
        reason = (
            error.__cause__ if isinstance(error.__cause__, NotInApiGatewayError) else type(error.__cause__).__name__
        )
        raise TemplateFailedError(f"{error.element.my_text()[:120]!r}: {reason}") from None
    except operators.TemplateError as error:
        raise TemplateFailedError(str(error)) from None


@cache
def _compiled(template: str) -> Template:
    compiled = Template(template.strip())
    compiled.ensure_compiled()
    return compiled


@cache
def _mend() -> None:
    """Put what is below into airspeed, once."""
    replace(operators.NameOrCall, "calculate", _name_or_call)
    replace(operators.Condition, "calculate", _condition)
    replace(operators.FormalReference, "evaluate_raw", _write)
    replace(operators.BinaryOperator, "OPERATORS", {**operators.BinaryOperator.OPERATORS, **_COMPARISONS})


def _name_or_call(part: Any, current: Any, loader: Any, top: Any) -> Any:
    """Read a property, or call a method that Java's class has too."""
    if part.parameters is not None:
        return _method(current, part.name)(*part.parameters.calculate(top, loader))
    value = _property(current, part.name)
    if part.index is None or value is None:
        return value
    index = part.index.calculate(top, loader)
    if isinstance(value, list):
        return value[index] if isinstance(index, int) and -len(value) <= index < len(value) else None
    return value.get(index) if isinstance(value, Mapping) else None


def _property(current: Any, name: str) -> Any:
    if isinstance(current, Mapping):
        try:
            return current[name]
        except KeyError:
            return None
    if current is None or isinstance(current, str | int | float | list):
        return None
    return None if name.startswith("_") else getattr(current, name, None)


def _method(current: Any, name: str) -> Callable[..., Any]:
    for kind, methods in METHODS.items():
        if isinstance(current, kind):
            if name in methods:
                return lambda *arguments: methods[name](current, *arguments)
            raise NotInApiGatewayError(f"{kind.__name__} has no method {name}")
    if current is None:
        raise NotInApiGatewayError(f"method {name} of what is not defined")
    method = None if name.startswith("_") else getattr(current, name, None)
    if not callable(method):
        raise NotInApiGatewayError(f"there is no method {name}")
    bound: Callable[..., Any] = method
    return bound


def _condition(condition: Any, namespace: Any, loader: Any) -> bool:
    """Decide by a truth or by whether something is defined: airspeed takes what is not for true."""
    value = condition.expression.calculate(namespace, loader)
    if value is None or isinstance(value, bool):
        return bool(value)
    if not value:
        raise NotInApiGatewayError("an empty value is true in one version of Velocity, false in another")
    return True


def _write(reference: Any, stream: Any, namespace: Any, loader: Any) -> None:
    """Write a value as Java would, nothing for what is not defined."""
    value = reference.expression.calculate(namespace, loader) if reference.expression is not None else None
    if value is None and reference.expression is None:
        stream.write(reference.my_text())
    elif value is not None:
        try:
            stream.write(rendered(value))
        except TypeError as error:
            raise NotInApiGatewayError(str(error)) from None


def _same(left: Any, right: Any) -> bool:
    if type(left) is not type(right):
        raise NotInApiGatewayError(f'compares {_kind(left)} with {_kind(right)}: make both strings, as in "$!x"')
    return bool(left == right)


def _kind(value: Any) -> str:
    return "nothing" if value is None else re.sub("^str$", "string", type(value).__name__)


_COMPARISONS = {
    "==": _same,
    "eq": _same,
    "!=": lambda left, right: not _same(left, right),
    "ne": lambda left, right: not _same(left, right),
}
