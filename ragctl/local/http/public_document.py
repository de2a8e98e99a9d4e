"""The API as its callers see it: OpenAPI without what only API Gateway reads."""

from typing import Any

from ragctl.local.http.definition import Document

_OURS = "x-amazon-"
_SIGNED = "x-signature-version"  # by which the documentation knows that no token is to be typed in


def public_document(document: Document, api_url: str) -> dict[str, Any]:
    """Return an API's OpenAPI document without Amazon's extensions and greedy paths, served at `api_url`.

    A security scheme by signature, which OpenAPI has no word for, says `x-signature-version: 4`.
    """
    stripped: dict[str, Any] = _stripped(document)
    stripped["paths"] = {path.replace("+}", "}"): item for path, item in stripped["paths"].items()}
    for name, scheme in document.get("components", {}).get("securitySchemes", {}).items():
        if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
            stripped["components"]["securitySchemes"][name][_SIGNED] = 4
    for item in stripped["paths"].values():
        for operation in item.values():
            for parameter in operation.get("parameters", []) if isinstance(operation, dict) else []:
                if parameter.get("in") == "path":
                    parameter["name"] = parameter["name"].removesuffix("+")
    return {**stripped, "servers": [{"url": api_url}]}


def _stripped(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _stripped(value) for name, value in node.items() if not str(name).startswith(_OURS)}
    return [_stripped(value) for value in node] if isinstance(node, list) else node
