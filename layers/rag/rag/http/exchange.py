"""A request and a response as API Gateway exchanges them with a function (REST proxy), out of and into typed values."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import unquote

import msgspec

from rag.errors import InvalidRequest, RagError, TooLarge, UnsupportedMediaType
from rag.http.problems import CONTENT_TYPE, problem_of

MAX_BODY_BYTES: Final = 200 * 1024

_JSON: Final = "application/json"
_NO_OBJECT: Final = "The body must be a JSON object."
_NO_HEADER: Final = "A header's value must be text."
_NO_PATH: Final = "The path must be percent-encoded UTF-8."


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """A request. Names of headers are in lower case; of a parameter that is given twice, the last one counts."""

    context: Mapping[str, Any]
    path: str
    path_parameters: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> Self:
        """Return the request of a proxy event.

        Raises:
            InvalidRequest: its body is no text, or said to be base64 and is not; a header's value is no text.
        """
        body = event.get("body") or ""
        if not isinstance(body, str):
            raise InvalidRequest(_NO_OBJECT)
        try:
            raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        except (binascii.Error, ValueError):
            raise InvalidRequest(_NO_OBJECT) from None
        headers = event.get("headers") or {}
        if not all(isinstance(value, str) for value in headers.values()):
            raise InvalidRequest(_NO_HEADER)
        return cls(
            context=event.get("requestContext") or {},
            path=event.get("path") or "",
            path_parameters=event.get("pathParameters") or {},
            query=event.get("queryStringParameters") or {},
            headers={name.lower(): value for name, value in headers.items()},
            body=raw,
        )

    def json_object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Before an integration that is a function's, API Gateway lets every content type pass.

        Raises:
            UnsupportedMediaType: it is said to be something else.
            TooLarge: it has more bytes than MAX_BODY_BYTES.
            InvalidRequest: it is no JSON object, or holds text that is no Unicode.
        """
        if self._media_type() != _JSON:
            raise UnsupportedMediaType("The body must be application/json.")
        if len(self.body) > MAX_BODY_BYTES:
            raise TooLarge("The body must be at most 200 KiB.")
        try:
            value = msgspec.json.decode(self.body)
            msgspec.json.encode(value).decode()  # half a surrogate pair can be read, and never written again
        except (ValueError, RecursionError):
            raise InvalidRequest(_NO_OBJECT) from None
        if not isinstance(value, dict):
            raise InvalidRequest(_NO_OBJECT)
        return value

    def _media_type(self) -> str:
        """Return the content type without its parameters; what is not told is JSON, as it is to API Gateway."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower() or _JSON

    def path_parameter(self, name: str) -> str:
        """Return a path parameter, decoded.

        Accounts differ on whether API Gateway has decoded it. The path itself comes as it was sent, so a parameter that
        the path ends with was not.

        Raises:
            InvalidRequest: it is missing, or no UTF-8.
        """
        given = self.path_parameters.get(name, "")
        try:
            decoded = unquote(given, errors="strict") if self.path.endswith(given) else given
            decoded.encode()
        except UnicodeError:
            raise InvalidRequest(_NO_PATH) from None
        if not decoded:
            raise InvalidRequest(_NO_PATH)
        return decoded


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """A response with a JSON body."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = _JSON

    def to_proxy(self, allowed_origin: str | None = None) -> dict[str, Any]:
        """Return what API Gateway takes, open to scripts of the allowed origin."""
        cors = {"Access-Control-Allow-Origin": allowed_origin} if allowed_origin else {}
        return {
            "statusCode": self.status,
            "headers": {
                "Content-Type": self.content_type,
                "Cache-Control": "no-store",
                "X-Content-Type-Options": "nosniff",
                **cors,
                **self.headers,
            },
            "body": msgspec.json.encode(self.body).decode(),
            "isBase64Encoded": False,
        }


def problem_response(error: RagError, trace_id: str | None) -> HttpResponse:
    """Return what a caller is told of an error."""
    problem, detail = problem_of(error)
    headers = {} if problem.retry_after is None else {"Retry-After": str(problem.retry_after)}
    return HttpResponse(problem.status, problem.body(trace_id, detail), headers, CONTENT_TYPE)
