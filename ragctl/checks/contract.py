"""Lint api/openapi.yaml: that API Gateway can import it, each operation is guarded, and what it answers is declared."""

import re
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

import yaml

Document = dict[str, Any]

INTEGRATION: Final = "x-amazon-apigateway-integration"
GATEWAY_RESPONSES: Final = "x-amazon-apigateway-gateway-responses"
BY_THE_GATEWAY: Final = {"400", "401", "403", "415", "429", "500", "503", "504"}  # whatever the integration does

_METHODS: Final = {"get", "put", "post", "delete", "options", "head", "patch"}
_NOT_IMPORTED: Final = {
    "oneOf",
    "anyOf",
    "discriminator",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "readOnly",
    "example",
}
_STATUS: Final = re.compile(r"#set\(\$context\.responseOverride\.status = (\d{3}|\$code)\)")
_CODE: Final = re.compile(r"#set\(\$code = (\d{3})\)")
_BRACED: Final = re.compile(r"\$!?\{(?!else)")


def problems(path: Path) -> list[str]:
    """Return what is wrong with the contract in `path`."""
    text = path.read_text(encoding="utf-8")
    try:
        kinds = (yaml.AliasEvent, yaml.MappingStartEvent, yaml.ScalarEvent, yaml.SequenceStartEvent)
        events = [event for event in yaml.parse(text, yaml.SafeLoader) if isinstance(event, kinds)]
        if tags := sorted({event.tag for event in events if getattr(event, "tag", None)}):  # the loader may know them
            return [f"{path.name} has CloudFormation's short tags, which AWS::Include does not read: {', '.join(tags)}"]
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        return [f"{path.name} does not parse: {' '.join(str(error).split())}"]
    anchored = any(event.anchor for event in events)
    found = [*(["it has anchors, which AWS::Include does not read"] if anchored else []), *_document(document)]
    return [f"{path.name}: {problem}" for problem in found]


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield the method, path and definition of every operation."""
    for path, item in document["paths"].items():
        yield from ((method, path, item[method]) for method in sorted(_METHODS & item.keys()))


def plain(node: Any) -> Any:
    """Return a node as OpenAPI knows it: a choice by a condition as its first branch, and no CloudFormation else."""
    match node:
        case {"Fn::If": [_, first, _]}:
            return plain(first)
        case {"Fn::Sub": str(text)}:
            return text
        case {"Fn::GetAtt": _} | {"Ref": _}:
            return "made by CloudFormation"
        case dict():
            return {name.replace("+}", "}") if "/" in name else name: plain(value) for name, value in node.items()}
        case list():
            return [plain(value) for value in node]
    return node


def _document(document: Document) -> Iterator[str]:
    yield from _specification(plain(document))
    for method, path, operation in operations(document):
        yield from (f"{method.upper()} {path}: {problem}" for problem in _operation(method, operation))
    yield from _schemas(document.get("components", {}).get("schemas", {}))
    for where, text in _outside_sub(document):
        if _BRACED.search(text):
            yield f"{where} has a reference in braces, which CloudFormation would take for its own"


def _specification(document: Document) -> Iterator[str]:
    """Yield what OpenAPI 3.0 itself does not allow."""
    from openapi_spec_validator import OpenAPIV30SpecValidator
    from referencing.exceptions import Unresolvable

    try:
        for error in OpenAPIV30SpecValidator(document).iter_errors():
            yield f"OpenAPI: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
    except Unresolvable as error:
        yield f"OpenAPI: {error.ref} leads nowhere"


def _operation(method: str, operation: Document) -> Iterator[str]:
    guarded = operation.get("security") == [{"caller": []}]
    if guarded == (method == "options"):
        yield "it must be guarded by the scheme caller" if not guarded else "a browser asks before it has credentials"
    integration = operation.get(INTEGRATION)
    if integration is None:
        yield "it has no integration"
        return
    declared = set(operation.get("responses", {}))
    if missing := _answered(method, integration["type"]) - declared:
        yield f"it does not declare {sorted(missing)}, which may be answered"
    if any("$ref" in response for response in operation.get("responses", {}).values()):
        yield "API Gateway does not follow a reference to a response"
    if integration["type"] != "aws_proxy":
        yield from _mapped(integration, declared)
    if integration["type"] != "mock" and "credentials" not in integration:
        yield "its integration has no role"


def _answered(method: str, integration: str) -> set[str]:
    """Return the statuses that an operation may answer with, whatever it is about."""
    if method == "options":
        return {"415"}
    return BY_THE_GATEWAY | ({"502"} if integration == "aws_proxy" else set())


def _mapped(integration: Document, declared: set[str]) -> Iterator[str]:
    """Yield what is wrong with the templates of an integration that is no proxy."""
    responses: Mapping[str, Document] = integration.get("responses", {})
    if "default" not in responses:
        yield "its integration has no default response"
    if integration.get("passthroughBehavior") != "never":
        yield "its integration lets through what has no template"  # to a mock, which then knows no status: 500
    for pattern, response in responses.items():
        template = str(plain(response.get("responseTemplates", {}).get("application/json", "")))
        overrides = _STATUS.findall(template)
        told = {response["statusCode"], *overrides, *(_CODE.findall(template) if "$code" in overrides else ())} - {
            "$code"
        }
        if unknown := told - declared:
            yield f"its integration's response {pattern} tells {sorted(unknown)}, which it does not declare"


def _schemas(schemas: Document) -> Iterator[str]:
    for name, schema in schemas.items():
        if not name.isalnum():
            yield f"schema {name}: a model's name is letters and digits"
        for keyword in sorted(_NOT_IMPORTED.intersection(chain.from_iterable(_within(schema)))):
            yield f"schema {name}: API Gateway does not import {keyword}"
        if any(None in one.get("enum", ()) for one in _within(schema)):
            yield f"schema {name}: null stands among an enum's strings"


def _within(schema: Any) -> Iterator[Document]:
    """Yield a schema and those within."""
    if not isinstance(schema, dict):
        return
    yield schema
    inner = [schema.get("items"), schema.get("additionalProperties"), *schema.get("properties", {}).values()]
    for one in inner:
        yield from _within(one)


def _outside_sub(node: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield each text that no Fn::Sub holds, and where it is."""
    if isinstance(node, str):
        yield where, node
    elif isinstance(node, dict):
        for name, value in node.items():
            if name != "Fn::Sub":
                yield from _outside_sub(value, f"{where}/{name}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _outside_sub(value, f"{where}/{number}")
