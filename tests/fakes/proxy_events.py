"""Events as API Gateway sends them to a function (REST proxy), made from what a test is about."""

import json
from typing import Any
from urllib.parse import quote

from rag.http.callers import Caller
from rag.http.exchange import HttpRequest
from rag.models import Principal


def a_caller(tenant: str = "acme", groups: tuple[str, ...] = (), *, writer: bool = False, name: str = "ann") -> Caller:
    return Caller(f"token/{name}", Principal(tenant, groups), writer)


def event(
    body: Any = None,
    *,
    headers: dict[str, str] | None = None,
    query: dict[str, str] | None = None,
    document_id: str | None = None,
    context: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an event; a body that is no text is written as JSON, and a document's id is in the path, encoded."""
    encoded = None if document_id is None else quote(document_id)
    return {
        "path": "/v1/documents" + (f"/{encoded}" if encoded else ""),
        "headers": headers or {},
        "queryStringParameters": query,
        "pathParameters": None if encoded is None else {"document_id": encoded},
        "requestContext": {"requestId": "r-1", **(context or {})},
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
    }


def request(body: Any = None, **parts: Any) -> HttpRequest:
    return HttpRequest.of(event(body, **parts))
