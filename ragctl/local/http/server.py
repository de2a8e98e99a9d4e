"""The local server of the HTTP API: the gateway, its documentation and its issuer of tokens on one loopback port."""

import logging
import socket
from collections.abc import Mapping
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from time import monotonic, perf_counter
from uuid import uuid4

from rag.places import place_of
from ragctl.local.http.access_log import AccessLog
from ragctl.local.http.authorization import takes_tokens
from ragctl.local.http.definition import Document
from ragctl.local.http.exchange import Stage
from ragctl.local.http.gateway import Gateway
from ragctl.local.http.integrations import Invoke
from ragctl.local.http.issuer import Claims, Issuer
from ragctl.local.http.messages import Headers, Request, Response
from ragctl.local.http.origins import is_addressed_here, is_own
from ragctl.local.http.public_document import public_document
from ragctl.local.http.wire import Answer, Connection

_SHUTDOWN_POLL_SECONDS = 0.05
_DOCUMENTATION = Path(__file__).with_name("documentation.html")
_ANONYMOUS = "anonymous"  # not the subject of `rag token`: who brings no token reads nothing that its bearer started
_TOKEN_MINUTES = 60.0
_PAGE_HEADERS = [
    ("Content-Type", "text/html; charset=utf-8"),
    (
        "Content-Security-Policy",
        "default-src 'self'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:",
    ),
    ("X-Frame-Options", "DENY"),
    ("Cache-Control", "no-store"),
]


class ApiServer:
    """Serves on a socket that already listens."""

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        self._server = _Server(listener, answer)
        self._thread = Thread(target=self._server.serve_forever, args=(_SHUTDOWN_POLL_SECONDS,), daemon=True)

    def start(self) -> None:
        """Answer requests, in threads."""
        self._thread.start()

    def stop(self) -> None:
        """Take no more requests."""
        self._server.shutdown()
        self._thread.join()


class Site:
    """Everything at the API's address: its pages, and below them the API.

    Where the API trusts the issuer, who brings no token gets one of it.
    """

    def __init__(
        self,
        document: Document,
        stage: Stage,
        aws_endpoint: str,
        invoke: Invoke,
        issuer: Issuer,
        trusted: Issuer | None = None,
    ) -> None:
        self._gateway = Gateway(document, stage, aws_endpoint, invoke)
        self._development = _DevelopmentToken(trusted) if trusted and takes_tokens(document) else None
        self._issuer = issuer
        self._public = public_document(document, issuer.api_url)

    def logged(self, log: AccessLog) -> Answer:
        """Return what answers each request, with a line in the log."""

        def answer(request: Request) -> Response:
            began, request_id = perf_counter(), str(uuid4())
            try:
                response = self._answer(request, request_id)
            except Exception as error:  # noqa: BLE001 - a defect here must not end the connection without an answer
                failure = f"{type(error).__name__} at {place_of(error)}"
                logging.getLogger(__name__).error("Request %s: %s", request_id, failure)  # noqa: TRY400 - no user text
                response = _problem(500, "Internal Server Error", "The local gateway failed; its log says where.")
            log.write(request, response, self._gateway.resource(request), request_id, began)
            return response

        return answer

    def _answer(self, request: Request, request_id: str) -> Response:
        if not is_addressed_here(request):
            return _problem(403, "Forbidden", "The local API answers to 127.0.0.1 and localhost alone.")
        if request.method in {"GET", "HEAD"} and (page := self._page(request.path)):
            return page
        if self._development and request.headers.get("Authorization") is None and is_own(request):
            request = _with_field(request, "Authorization", f"Bearer {self._development.current()}")
        return self._gateway(request, request_id)

    def _page(self, path: str) -> Response | None:
        match path.rstrip("/"):
            case "":
                return Response(302, Headers([("Location", "/docs")]))
            case "/docs":
                return Response(200, Headers(_PAGE_HEADERS), _DOCUMENTATION.read_bytes())
            case "/openapi.json":
                return Response.json(200, self._public)
        published: Mapping[str, object] | None = self._issuer.published(path)
        return None if published is None else Response.json(200, published)


class _DevelopmentToken:
    """A token for who brings none: of the tenant `default`, without groups, not a writer."""

    def __init__(self, issuer: Issuer) -> None:
        self._issuer = issuer
        self._lock = Lock()
        self._token, self._until = "", 0.0

    def current(self) -> str:
        """Return one that is good for a while."""
        with self._lock:
            if monotonic() >= self._until:
                self._token = self._issuer.token(Claims(subject=_ANONYMOUS), _TOKEN_MINUTES)
                self._until = monotonic() + _TOKEN_MINUTES * 30  # seconds: half of its life
            return self._token


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, listener: socket.socket, answer: Answer) -> None:
        super().__init__(listener.getsockname()[:2], Connection, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.answer = answer

    def handle_error(self, *_: object) -> None:
        """Say nothing of a connection that broke off."""


def _with_field(request: Request, name: str, value: str) -> Request:
    headers = Headers([*request.headers, (name, value)])
    return Request(request.method, request.target, headers, request.body, request.source_ip, request.oversized)


def _problem(status: int, title: str, detail: str) -> Response:
    return Response.json(status, {"type": "about:blank", "title": title, "status": status, "detail": detail})
