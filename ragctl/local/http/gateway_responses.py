"""What the gateway itself answers when a request does not come as far as an integration's response.

The types, statuses and messages are those of
https://docs.aws.amazon.com/apigateway/latest/developerguide/supported-gateway-response-types.html
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ragctl.local.http.definition import Document
from ragctl.local.http.messages import Headers, Request, Response

_VARIABLE = re.compile(r"\$(context|stageVariables)((?:\.[A-Za-z][A-Za-z0-9_]*)+)")
_STATUS = {
    "ACCESS_DENIED": 403,
    "API_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_CONFIGURATION_ERROR": 500,
    "AUTHORIZER_FAILURE": 500,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "DEFAULT_4XX": 400,
    "DEFAULT_5XX": 502,  # what is left is a malformed answer of a proxy
    "EXPIRED_TOKEN": 403,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "INVALID_SIGNATURE": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "REQUEST_TOO_LARGE": 413,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415,
}


@dataclass(eq=False)  # neither equal nor frozen: what raises and handles it writes its traceback, and may hash it
class Refusal(Exception):
    """The gateway ends a request by itself."""

    type: str
    message: str
    reasons: tuple[str, ...] = ()


class GatewayResponses:
    """The responses that an API customises, on top of API Gateway's own."""

    def __init__(self, document: Document, stage_variables: Mapping[str, str]) -> None:
        self._declared: Document = document.get("x-amazon-apigateway-gateway-responses", {})
        self._variables = stage_variables

    def __call__(self, refusal: Refusal, request: Request, context: Mapping[str, Any]) -> Response:
        """Return the response for a refusal; `context` is `$context` as far as it is known."""
        status = _STATUS[refusal.type]
        general = "DEFAULT_4XX" if status < 500 else "DEFAULT_5XX"
        declared = self._declared.get(refusal.type) or self._declared.get(general) or {}
        known = {**context, "error": _error(refusal)}
        templates = declared.get("responseTemplates") or {
            "application/json": '{"message":$context.error.messageString}'
        }
        kind = "application/json" if "application/json" in templates else next(iter(templates))
        fields = {"content-type": ("Content-Type", kind)}
        for target, source in (declared.get("responseParameters") or {}).items():
            name = target.removeprefix("gatewayresponse.header.")
            if (value := self._sourced(source, request, known)) is not None:
                fields[name.lower()] = (name, value)
        body = _VARIABLE.sub(lambda found: self._value(found[1], found[2], known), templates[kind])
        return Response(int(declared.get("statusCode") or status), Headers(fields.values()), body.encode())

    def _sourced(self, source: str, request: Request, context: Mapping[str, Any]) -> str | None:
        if source.startswith("'") and source.endswith("'"):
            return source[1:-1]
        if source.startswith("method.request.header."):
            return request.headers.get(source.removeprefix("method.request.header."))
        root, _, rest = source.partition(".")
        return self._value(root, f".{rest}", context) or None

    def _value(self, root: str, path: str, context: Mapping[str, Any]) -> str:
        """Return what a variable stands for, as it is: these templates are no Velocity, and escape nothing."""
        value: Any = context if root == "context" else self._variables
        for step in path.split(".")[1:]:
            value = value.get(step) if isinstance(value, Mapping) else None
        return "" if value is None else str(value)


def _error(refusal: Refusal) -> dict[str, str]:
    return {
        "message": refusal.message,
        "messageString": json.dumps(refusal.message, ensure_ascii=False),
        "responseType": refusal.type,
        "validationErrorString": f"[{', '.join(refusal.reasons)}]" if refusal.reasons else "",
    }
