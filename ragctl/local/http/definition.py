"""An API's operations as its resolved OpenAPI body declares them, with what API Gateway's extensions add."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ragctl.local.translation import TemplateError

Document = Mapping[str, Any]

_METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}
_NOT_VALIDATED = {"validateRequestBody": False, "validateRequestParameters": False}


class DefinitionError(TemplateError):
    """The OpenAPI body asks for something that the local gateway does not do: told in one line."""


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    path: str  # such as /v1/documents/{document_id+}
    method: str  # in capitals; ANY for any
    parameters: tuple[Document, ...]
    body: Mapping[str, Document]  # content type to schema
    body_required: bool
    validates_parameters: bool
    validates_body: bool
    schemes: tuple[str, ...]  # the names of the security schemes that it demands
    integration: Document


def operations(document: Document) -> Iterator[Operation]:
    """Yield every operation of an API.

    Raises:
        DefinitionError: one has no integration, or names a validator that is not there.
    """
    for path, item in document.get("paths", {}).items():
        shared = item.get("parameters", [])
        for method, declared in item.items():
            if method.lower() in _METHODS:
                yield _operation(document, path, method, declared, shared)


def resolve(document: Document, node: Document) -> Document:
    """Follow a reference within the document, if the node is one."""
    while isinstance(reference := node.get("$ref"), str):
        node = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step.replace("~1", "/").replace("~0", "~")]
    return node


def _operation(document: Document, path: str, method: str, declared: Document, shared: list[Document]) -> Operation:
    name = "ANY" if method.lower() == "x-amazon-apigateway-any-method" else method.upper()
    integration = declared.get("x-amazon-apigateway-integration")
    if not integration:
        raise DefinitionError(f"{name} {path} of the API has no x-amazon-apigateway-integration.")
    body = resolve(document, declared.get("requestBody", {}))
    validator = _validator(document, declared, f"{name} {path}")
    demands = declared.get("security", document.get("security", []))
    return Operation(
        path=path,
        method=name,
        parameters=tuple(resolve(document, each) for each in [*shared, *declared.get("parameters", [])]),
        body={kind.lower(): content.get("schema", {}) for kind, content in body.get("content", {}).items()},
        body_required=bool(body.get("required")),
        validates_parameters=bool(validator["validateRequestParameters"]),
        validates_body=bool(validator["validateRequestBody"]),
        schemes=tuple(scheme for demand in demands for scheme in demand),
        integration=integration,
    )


def _validator(document: Document, declared: Document, where: str) -> Document:
    key = "x-amazon-apigateway-request-validator"
    name = declared.get(key, document.get(key))
    if name is None:
        return _NOT_VALIDATED
    try:
        named: Document = document["x-amazon-apigateway-request-validators"][name]
    except KeyError:
        raise DefinitionError(f"{where} of the API names the request validator {name}, which is not there.") from None
    return {**_NOT_VALIDATED, **named}
