"""From a method's request to an integration's, and from the integration's response back: parameters and templates."""

import json
from collections.abc import Mapping
from typing import Any

from ragctl.local.http.definition import Document
from ragctl.local.http.exchange import Exchange
from ragctl.local.http.messages import Headers, Response
from ragctl.local.http.validation import content_type
from ragctl.local.http.variables import Input, Util
from ragctl.local.http.velocity import render


class UnsupportedMediaTypeError(Exception):
    """The integration has no template for the request's content type, and passes nothing through."""


class NoSuchMappingError(Exception):
    """A parameter's mapping is from what API Gateway does not know."""


def mapped_body(exchange: Exchange, integration: Document) -> bytes:
    """Return the integration's request body.

    Raises:
        UnsupportedMediaTypeError: no template is for this content type, and the integration passes nothing through.
        TemplateFailedError: the template does what API Gateway would not.
        BodyNotJsonError: it reads fields of a body that is none.
    """
    templates = {kind.lower(): template for kind, template in integration.get("requestTemplates", {}).items()}
    template = templates.get(content_type(exchange.request))
    if template is not None:
        return _filled(template, exchange, exchange.request.body).encode("utf-8", "surrogatepass")
    behaviour = str(integration.get("passthroughBehavior", "when_no_match")).lower()
    if behaviour == "never" or (behaviour == "when_no_templates" and templates):
        raise UnsupportedMediaTypeError
    return exchange.request.body


def mapped_parameters(exchange: Exchange, integration: Document) -> dict[str, str]:
    """Return the integration's header fields.

    Raises:
        NoSuchMappingError: one is from somewhere unknown.
    """
    fields = {}
    for target, source in integration.get("requestParameters", {}).items():
        place, _, name = target.removeprefix("integration.request.").partition(".")
        if place != "header":
            raise NoSuchMappingError(target)
        value = _sourced(exchange, source)
        if value is not None:
            fields[name] = value
    return fields


def mapped_response(exchange: Exchange, declared: Document, answer: Response) -> Response:
    """Return the method's response for an integration's.

    Raises:
        TemplateFailedError, BodyNotJsonError, NoSuchMappingError: a template or mapping does not fit.
    """
    templates: Mapping[str, str] = declared.get("responseTemplates") or {}
    kind = "application/json" if "application/json" in templates else next(iter(templates), None)
    body = answer.body if kind is None else _filled(templates[kind], exchange, answer.body).encode("utf-8", "replace")
    fields = {"content-type": ("Content-Type", kind or answer.headers.get("Content-Type") or "application/json")}
    for target, source in (declared.get("responseParameters") or {}).items():
        name = target.removeprefix("method.response.header.")
        value = _sourced(exchange, source, answer)
        if value is not None:
            fields[name.lower()] = (name, value)
    for name, value in exchange.header_override.items():
        fields[name.lower()] = (name, str(value))
    status = int(str(exchange.status_override.get("status", declared["statusCode"])))
    return Response(status, Headers(fields.values()), body)


def _filled(template: str, exchange: Exchange, body: bytes) -> str:
    names = {
        "input": Input(body, exchange.parameters),
        "util": Util(),
        "context": exchange.context,
        "stageVariables": dict(exchange.stage.variables),
    }
    return render(template, names)


def _sourced(exchange: Exchange, source: str, answer: Response | None = None) -> str | None:
    """Return what a mapping expression stands for, None where there is nothing."""
    if source.startswith("'") and source.endswith("'"):
        return source[1:-1]
    match source.split("."):
        case ["context", *steps]:
            value: Any = exchange.context
            for step in steps:
                value = value.get(step) if isinstance(value, Mapping) else None
        case ["stageVariables", name]:
            value = exchange.stage.variables.get(name)
        case ["method", "request", "path" | "querystring" as place, name]:
            value = exchange.parameters[place].get(name)
        case ["method", "request", "header", name]:
            value = exchange.request.headers.get(name)
        case ["integration", "response", "header", name] if answer:
            value = answer.headers.get(name)
        case ["integration", "response", "body", *steps] if answer:
            value = Input(answer.body, {}).path(".".join(["$", *steps]))
        case _:
            raise NoSuchMappingError(source)
    if isinstance(value, dict | list):
        return json.dumps(value)
    return None if value is None else str(value)
