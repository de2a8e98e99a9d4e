"""The HTTP side of the local models: routes, one write per response, errors in OpenAI's shape."""

import socketserver
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from ragctl.local.models.api import ModelApi
from ragctl.local.models.contract import ApiError, Document

MAX_BODY = 64 * 2**20


class ModelServer(ThreadingHTTPServer):
    """Serves a `ModelApi`; bound when made, answering once `serve_forever` runs."""

    daemon_threads = True
    request_queue_size = 128
    api: ModelApi

    def __init__(self, host: str, port: int) -> None:
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        """Bind without http.server's look-up of the host's name, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    @property
    def base_url(self) -> str:
        """The base URL for an OpenAI client."""
        return f"http://{self.server_name}:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # buffered: headers and body leave in one segment

    def do_GET(self) -> None:
        api = self.server.api
        self._answer({"/health": api.health, "/v1/models": api.models})

    def do_POST(self) -> None:
        api, body = self.server.api, self._body()
        if body is None:
            return
        self._answer(
            {
                "/v1/embeddings": lambda: api.embeddings(body),
                "/v1/chat/completions": lambda: api.chat_completion(body),
                "/v1/rerank": lambda: api.rerank(body),
            }
        )

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) <= MAX_BODY:
            return self.rfile.read(int(length))
        self.close_connection = True  # what follows the headers stays unread
        error = ApiError(413, f"A body of at most {MAX_BODY} bytes with its Content-Length is needed.")
        self._send(error.status, error.document)
        return None

    def _answer(self, routes: dict[str, Callable[[], Document]]) -> None:
        try:
            status, document = 200, routes.get(self.path, _nothing_here)()
        except ApiError as error:
            status, document = error.status, error.document
        self._send(status, document)

    def _send(self, status: int, document: Document) -> None:
        body = msgspec.json.encode(document)
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's own name for it
        """Say nothing: there is a line per question otherwise."""


def _nothing_here() -> Document:
    raise ApiError(404, "There is no such path here.", code="not_found")
