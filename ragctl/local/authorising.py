"""WSGI middleware that refuses a role's request where AWS would, and passes everybody else's on."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote
from uuid import uuid4
from xml.sax.saxutils import escape

from moto.secretsmanager.models import secretsmanager_backends

from ragctl.iam.objects import form_fields, listing
from ragctl.iam.requests import Account, Request, calls
from ragctl.local.account import ACCOUNT_ID, REGION
from ragctl.local.authority import Authority, RefusedError
from ragctl.local.journaling import Application, Environ, read_body

_SCOPE = re.compile(r"(?P<key>[^/=\s]+)/\d{8}/[^/]+/(?P<service>[^/]+)/aws4_request")


class Authorising:
    """Wraps the AWS endpoint."""

    def __init__(self, application: Application, authority: Authority) -> None:
        self._application = application
        self._authority = authority

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Pass the request on if whoever signed it may do what it asks for."""
        role, service = _signer(environ)
        if not self._authority.knows(role):
            return self._application(environ, start_response)
        request = _request(environ, service)
        try:
            self._authority.require(role, calls(request, _ACCOUNT))
        except RefusedError as error:
            return _refused(request, str(error), start_response)
        if service == "s3" and request.method in {"GET", "HEAD"}:
            return self._found(role, request, environ, start_response)
        return self._application(environ, start_response)

    def _found(
        self, role: str, request: Request, environ: Environ, start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Say that an object is missing only to who may list, as S3 does."""
        begun: list[Any] = []

        def begin(*response: Any) -> None:
            begun[:] = response

        answer = self._application(environ, begin)
        bucket, _, key = request.path.lstrip("/").partition("/")
        if key and str(begun[0]).startswith("404"):
            try:
                self._authority.require(role, [listing(bucket)])
            except RefusedError as error:
                return _refused(request, str(error), start_response)
        start_response(*begun)
        return answer


def _secret_arn(name: str) -> str:
    secret: Any = secretsmanager_backends[ACCOUNT_ID][REGION].secrets.get(name)
    return secret.arn if secret else name


_ACCOUNT = Account(REGION, ACCOUNT_ID, _secret_arn)


def _signer(environ: Environ) -> tuple[str, str]:
    """Return the access key that signed a request, in one of three places, and the service that it is for."""
    signature = environ.get("HTTP_AUTHORIZATION", "")
    if not signature and "X-Amz-Credential=" in (query := environ.get("QUERY_STRING", "")):
        signature = unquote(query)
    elif not signature and environ.get("CONTENT_TYPE", "").startswith("multipart/form-data"):
        signature = form_fields(read_body(environ)).get("x-amz-credential", "")
    scope = _SCOPE.search(signature)
    return (scope["key"], scope["service"]) if scope else ("", "")


def _request(environ: Environ, service: str) -> Request:
    headers = {name[5:].lower().replace("_", "-"): value for name, value in environ.items() if name[:5] == "HTTP_"}
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    query = {name: values for name, values in query.items() if not name.lower().startswith("x-amz-")}
    path = environ["PATH_INFO"].encode("latin-1").decode("utf-8", "replace")  # as WSGI passes it
    return Request(service, environ["REQUEST_METHOD"], path, query, headers, lambda: read_body(environ))


def _refused(request: Request, message: str, start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Answer in the form of the service."""
    headers = {"x-amzn-RequestId": str(uuid4())}
    if request.target:
        status, kind = "400 Bad Request", "application/x-amz-json-1.0"
        body = json.dumps({"__type": "AccessDeniedException", "message": message, "Message": message})
    elif request.service in _OF_XML:
        status, kind = "403 Forbidden", "application/xml"
        error = f"<Error><Code>AccessDenied</Code><Message>{escape(message)}</Message></Error>"
        body = error if request.service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
    else:
        status, kind = "403 Forbidden", "application/json"
        headers["x-amzn-ErrorType"] = "AccessDeniedException"
        body = json.dumps({"message": message, "Message": message})
    content = b"" if request.method == "HEAD" else body.encode()
    sent: Mapping[str, str] = {**headers, "Content-Type": kind, "Content-Length": str(len(content))}
    start_response(status, list(sent.items()))
    return [content]


_OF_XML = {"s3", "sns", "iam", "monitoring", "cloudformation"}
