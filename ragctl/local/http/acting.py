"""The roles in which API Gateway invokes functions: those that integrations and authorizers name."""

from collections.abc import Iterator, Mapping
from typing import Any

from ragctl.iam.policy import Call
from ragctl.local.authority import Authority, RefusedError
from ragctl.local.http.integrations import IntegrationFailedError, Invoke, function_of
from ragctl.local.worker import InvocationResult


def acting(invoke: Invoke, document: Any, authority: Authority) -> Invoke:
    """Return what invokes a function if the role that the document names for it may do so."""
    roles = dict(_roles(document))

    def invoke_as(function: str, event: bytes) -> InvocationResult:
        try:
            authority.require(roles.get(function, ""), [Call("lambda:InvokeFunction", function)])
        except RefusedError as error:
            raise IntegrationFailedError(str(error)) from error
        return invoke(function, event)

    return invoke_as


def _roles(node: Any) -> Iterator[tuple[str, str]]:
    """Yield functions and the roles that invoke them, wherever they stand."""
    match node:
        case {"type": "aws_proxy" | "AWS_PROXY", "uri": str(uri), "credentials": str(role)}:
            yield function_of(uri), role
        case {"authorizerUri": str(uri), "authorizerCredentials": str(role)}:
            yield function_of(uri), role
        case Mapping():
            for value in node.values():
                yield from _roles(value)
        case list():
            for value in node:
                yield from _roles(value)
