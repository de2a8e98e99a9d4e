"""Whether an IAM policy that an authorizer returned allows a method."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

ACTION = "execute-api:Invoke"


def allows(document: Any, method_arn: str) -> bool:
    """Return whether some statement allows to invoke the method, and none denies it."""
    effects = {effect for effect, resource in _statements(document) if _fits(resource, method_arn)}
    return effects == {"Allow"}


def _statements(document: Any) -> Iterator[tuple[str, str]]:
    """Yield effect and resource of what is about invoking."""
    statements = document.get("Statement", []) if isinstance(document, Mapping) else []
    for statement in [statements] if isinstance(statements, Mapping) else statements:
        actions, resources = statement.get("Action", []), statement.get("Resource", [])
        if any(_fits(action.lower(), ACTION.lower()) for action in _listed(actions)):
            for resource in _listed(resources):
                yield str(statement.get("Effect")), resource


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _fits(pattern: str, text: str) -> bool:
    """Match with IAM's wildcards: * for any number of characters, ? for one."""
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(expression, text, re.DOTALL) is not None
