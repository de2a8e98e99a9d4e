"""The event of a Lambda proxy integration, in its version 1.0, and what its function may answer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

import base64
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ragctl.local.http.exchange import Exchange
from ragctl.local.http.messages import Headers, Response, is_field
from ragctl.local.http.strict_json import MalformedJsonError, parse

_LENGTH_AND_FORM = {"content-length", "transfer-encoding", "connection"}  # what the server itself says


class MalformedProxyAnswerError(Exception):
    """The function failed, or answered what is no response: 502."""


def event(exchange: Exchange) -> bytes:
    """Return the event for a function."""
    request = exchange.request
    authorizer = {"authorizer": exchange.authorizer} if exchange.authorizer else {}
    document = {
        "resource": exchange.operation.path,
        "path": request.path,
        "httpMethod": request.method,
        "headers": dict(request.headers) or None,
        "multiValueHeaders": _grouped(request.headers) or None,
        "queryStringParameters": dict(request.query) or None,
        "multiValueQueryStringParameters": _grouped(request.query) or None,
        "pathParameters": dict(exchange.path_values) or None,
        "stageVariables": dict(exchange.stage.variables) or None,
        "requestContext": {**exchange.request_context, **authorizer},
        "body": request.body.decode("utf-8", "replace") if request.body else None,
        "isBase64Encoded": False,
    }
    return json.dumps(document).encode()


def response(payload: bytes) -> Response:
    """Return the response that a function's answer stands for.

    Raises:
        MalformedProxyAnswerError: it stands for none.
    """
    try:
        answer = parse(payload)
    except MalformedJsonError:
        raise MalformedProxyAnswerError("no JSON") from None
    if not isinstance(answer, dict) or (surplus := answer.keys() - _MEMBERS):
        raise MalformedProxyAnswerError(f"members {sorted(surplus)}" if isinstance(answer, dict) else "no object")
    fields = list(_fields(answer))
    if not all(is_field(*field) for field in fields):
        raise MalformedProxyAnswerError("a header field that cannot be sent")
    kept = [field for field in fields if field[0].lower() not in _LENGTH_AND_FORM]
    if not any(name.lower() == "content-type" for name, _ in kept):
        kept.append(("Content-Type", "application/json"))
    return Response(_status(answer.get("statusCode")), Headers(kept), _body(answer))


_MEMBERS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}


def _status(status: Any) -> int:
    if isinstance(status, str) and status.isascii() and status.isdecimal():
        status = int(status)
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise MalformedProxyAnswerError("no statusCode")
    return status


def _body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise MalformedProxyAnswerError("a body that is no text")
    if not answer.get("isBase64Encoded"):
        return body.encode("utf-8", "replace")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError:
        raise MalformedProxyAnswerError("a body that is not base64") from None


def _fields(answer: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the header fields; a name of both kinds goes by its many values."""
    many, single = answer.get("multiValueHeaders") or {}, answer.get("headers") or {}
    if not isinstance(many, dict) or not isinstance(single, dict):
        raise MalformedProxyAnswerError("headers that are no object")
    for name, values in many.items():
        if not isinstance(values, list):
            raise MalformedProxyAnswerError("multiValueHeaders without lists")
        yield from ((name, _field_value(value)) for value in values)
    told = {name.lower() for name in many}
    yield from ((name, _field_value(value)) for name, value in single.items() if name.lower() not in told)


def _field_value(value: Any) -> str:
    if isinstance(value, dict | list) or value is None:
        raise MalformedProxyAnswerError("a header field that is no text")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _grouped(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name, value in pairs:
        grouped.setdefault(name, []).append(value)
    return grouped
