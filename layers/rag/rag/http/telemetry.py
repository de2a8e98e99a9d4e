"""The seam around handlers of the HTTP API: whatever happens, API Gateway gets a response."""

import functools
import os
from collections.abc import Callable
from typing import Any

from rag.errors import RagError
from rag.http.exchange import HttpResponse, problem_response
from rag.telemetry import Handler, contained, count


def answered(handler: Callable[[dict[str, Any], Any], HttpResponse]) -> Handler:
    """Turn a response, or an error, into what API Gateway takes. Errors are logged by name, as everywhere."""

    @contained
    def respond(event: dict[str, Any], context: Any) -> dict[str, Any]:
        response = handler(event, context)
        count(requests_granted=1)
        return {"response": response}

    @functools.wraps(handler)
    def answer(event: dict[str, Any], context: Any) -> dict[str, Any]:
        try:
            response: HttpResponse = respond(event, context)["response"]
        except RagError as error:
            response = problem_response(error, (event.get("requestContext") or {}).get("requestId"))
        return response.to_proxy(os.environ.get("CORS_ORIGIN"))

    return answer
