"""An HTTP server on a free loopback port that answers through a function, and misbehaves on request.

The adapters' tests use it with the vendors' real clients, which a mock of one HTTP library would not reach.
"""

import json
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Request:
    """What arrived: header names are in lower case."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    """What a well-behaved server answers."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> "Response":
        body = json.dumps(value, ensure_ascii=False).encode()
        return cls(status, body, {"Content-Type": "application/json", **(headers or {})})

    def head(self) -> bytes:
        lines = [f"HTTP/1.1 {self.status} X", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Exchange:
    """One answer under way: a fault decides what becomes of it."""

    def __init__(self, connection: socket.socket, response: Response, closing: threading.Event) -> None:
        self.connection = connection
        self.response = response
        self._closing = closing

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def pause(self, seconds: float) -> bool:
        """Wait, and tell whether the server is still open."""
        return not self._closing.wait(seconds)


# Writes an answer in place of the proper one, and returns whether the connection may be used again.
Fault = Callable[[Exchange], bool]


def answer(status: int, body: bytes | str = b"", headers: Mapping[str, str] | None = None) -> Fault:
    """Answer this, whatever was asked."""
    data = body.encode() if isinstance(body, str) else body

    def fault(exchange: Exchange) -> bool:
        response = Response(status, data, headers or {})
        exchange.send(response.head() + data)
        return True

    return fault


def answer_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Fault:
    """Answer this JSON, whatever was asked."""
    return answer(status, json.dumps(value), {"Content-Type": "application/json", **(headers or {})})


def throttled(retry_after: str | None = None) -> Fault:
    return answer_json({"message": "slow down"}, 429, {"Retry-After": retry_after} if retry_after else {})


def html(status: int = 200) -> Fault:
    return answer(status, "<html><body>It works!</body></html>", {"Content-Type": "text/html"})


def empty_body(status: int = 200) -> Fault:
    return answer(status, b"", {"Content-Type": "application/json"})


def truncated(exchange: Exchange) -> bool:
    """Break off in the middle of the body."""
    body = exchange.response.body
    exchange.send(exchange.response.head() + body[: len(body) // 2])
    return False


def reset(exchange: Exchange) -> bool:
    """Tear the connection down without an answer."""
    exchange.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    exchange.connection.close()
    return False


def hang(exchange: Exchange) -> bool:
    """Never answer."""
    while exchange.pause(60):
        pass
    return False


def drip(seconds_a_byte: float) -> Fault:
    """Answer properly, one byte at a time: no single read is slow, the whole is."""

    def fault(exchange: Exchange) -> bool:
        for byte in exchange.response.head() + exchange.response.body:
            exchange.send(bytes([byte]))
            if not exchange.pause(seconds_a_byte):
                return False
        return True

    return fault


class FaultyServer:
    """Serves a function over HTTP/1.1. Faults queue up: each of the next requests meets one.

    Leaving its `with` block raises what the function itself raised: a defect of a stand-in fails the test.
    """

    def __init__(self, respond: Callable[[Request], Response]) -> None:
        self.requests: list[Request] = []
        self.responses: list[Response] = []  # the proper ones, whatever a fault made of them
        self.crashes: list[Exception] = []
        self._respond = respond
        self._faults: deque[Fault] = deque()
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def next(self, *faults: Fault) -> None:
        """Let the next requests meet these faults, one each."""
        self._faults.extend(faults)

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.disconnect()
        self._thread.join()
        if self.crashes:
            raise self.crashes[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def exchange(self, request: Request, connection: socket.socket) -> bool:
        """Answer one request; return whether the connection may be used again."""
        with self._turn:
            self.requests.append(request)
            fault = self._faults.popleft() if self._faults else None
            try:
                response = self._respond(request)
            except Exception as error:  # noqa: BLE001 - reported where the server is closed
                self.crashes.append(error)
                response = Response(500)
            self.responses.append(response)
        exchange = Exchange(connection, response, self._closing)
        if fault is not None:
            return fault(exchange)
        exchange.send(response.head() + response.body)
        return True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, faulty: FaultyServer) -> None:
        self.faulty = faulty
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that left is what many of these tests are about."""

    def disconnect(self) -> None:
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it is closed already


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def _exchange(self) -> None:
        address = urlsplit(self.path)
        request = Request(
            method=self.command,
            path=address.path,
            query=parse_qs(address.query, keep_blank_values=True),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(int(self.headers.get("Content-Length") or 0)),
        )
        if not self.server.faulty.exchange(request, self.connection):
            self.close_connection = True

    do_HEAD = do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _exchange  # noqa: N815 - the base class names them so

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Stay silent."""
