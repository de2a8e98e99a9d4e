"""HTTP/1.1 on a connection: requests read within bounds, each response written at once."""

import re
from collections.abc import Callable
from email.message import Message
from http import HTTPStatus
from http.client import responses as phrases
from http.server import BaseHTTPRequestHandler
from io import BufferedIOBase
from typing import Any, cast

from ragctl.local.http.messages import Headers, Request, Response

MAX_BODY_BYTES = 10 * 2**20  # API Gateway's
_DRAINED_BYTES = 64 * 2**20  # of a body that is refused: its sender reads the answer only when it has sent all
_PIECE = 64 * 2**10
_IDLE_SECONDS = 65.0
_BODILESS = {HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED}
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)([^#]*)", re.IGNORECASE)
_FIELD = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*)?\r?\n")  # or the empty line at the end
_MALFORMED = "The request is not HTTP/1.1 as it should be."

Answer = Callable[[Request], Response]


class BadRequestError(Exception):
    """The bytes on the connection are no request whose end and meaning are certain."""


class Connection(BaseHTTPRequestHandler):
    """Answers the requests of one connection by the `answer` of its server."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    headers: Message
    _uninvited = False  # whether a client asked first before it sent a body, and was not told to go on

    def __getattr__(self, name: str) -> Any:
        """Take every method, known or not: the API decides."""
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def parse_request(self) -> bool:
        """Read the request line and the header, and refuse a header that could be read in two ways."""
        connection = self.rfile
        self.rfile = cast("BufferedIOBase", _FieldLines(connection))
        try:
            return super().parse_request()
        except BadRequestError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return False
        finally:
            self.rfile = connection

    def handle_expect_100(self) -> bool:
        """Have a body sent only if it may be as large as it is."""
        length = self.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > MAX_BODY_BYTES:
            self._uninvited = True
            return True
        return super().handle_expect_100()

    def send_error(self, code: int, *_: str | None, **__: str | None) -> None:
        """Refuse what is not understood, in words of our own and without quoting it."""
        self.close_connection = True
        self._send(_problem(code))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing: the access log does."""

    def _exchange(self) -> None:
        try:
            request = self._request()
        except BadRequestError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return
        self._send(self.server.answer(request))  # type: ignore[attr-defined]

    def _request(self) -> Request:
        headers = Headers([(name, _decoded(value)) for name, value in self.headers.items()])
        target = _target(self.path, headers)
        body = self._body(headers)
        return Request(self.command, target, headers, body or b"", str(self.client_address[0]), oversized=body is None)

    def _body(self, headers: Headers) -> bytes | None:
        """Return the body, or None for one beyond the limit."""
        lengths, codings = headers.all("Content-Length"), headers.all("Transfer-Encoding")
        if codings:
            if lengths or [coding.lower() for coding in codings] != ["chunked"]:
                raise BadRequestError
            return self._chunked()
        if not lengths:
            return b""
        if len(set(lengths)) > 1 or not (lengths[0].isascii() and lengths[0].isdecimal()) or len(lengths[0]) > 18:
            raise BadRequestError
        length = int(lengths[0])
        if length <= MAX_BODY_BYTES:
            return self._read(length)
        self.close_connection = True
        if not self._uninvited:
            self._drain(length)
        return None

    def _chunked(self) -> bytes | None:
        pieces, total = [], 0
        while size := self._chunk_size():
            total += size
            if total > MAX_BODY_BYTES:
                self._drain(_DRAINED_BYTES)
                return None
            pieces.append(self._read(size))
            if self.rfile.readline(3) not in {b"\r\n", b"\n"}:
                raise BadRequestError
        while self.rfile.readline(_PIECE).strip():  # trailer fields, which nobody here wants
            pass
        return b"".join(pieces)

    def _chunk_size(self) -> int:
        line = _CHUNK_SIZE.fullmatch(self.rfile.readline(_PIECE))
        if line is None:
            raise BadRequestError
        return int(line[1], 16)

    def _read(self, length: int) -> bytes:
        body = self.rfile.read(length)
        if len(body) < length:
            raise BadRequestError
        return body

    def _drain(self, length: int) -> None:
        self.close_connection = True
        left = min(length, _DRAINED_BYTES)
        self.connection.settimeout(1.0)
        try:
            while left > 0 and (piece := self.rfile.read1(min(left, _PIECE))):
                left -= len(piece)
        except OSError:
            pass

    def _send(self, response: Response) -> None:
        status = response.status
        lines = [f"HTTP/1.1 {status} {phrases.get(status, '')}", f"Date: {self.date_time_string()}"]
        lines += [f"{name}: {value}" for name, value in response.headers]
        if status not in _BODILESS:
            lines.append(f"Content-Length: {len(response.body)}")
        if self.close_connection:
            lines.append("Connection: close")
        head = "\r\n".join([*lines, "", ""]).encode("utf-8", "replace")
        bodiless = status in _BODILESS or self.command == "HEAD"
        try:
            self.wfile.write(head if bodiless else head + response.body)
        except OSError:  # nobody reads it any more
            self.close_connection = True


def _problem(status: int) -> Response:
    return Response.json(
        status,
        {
            "type": "about:blank",
            "title": phrases.get(status, "Bad Request"),
            "status": int(status),
            "detail": _MALFORMED,
        },
    )


class _FieldLines:
    """The lines of a header, each of them a field: Python's parser would pass over what is none, or split it."""

    def __init__(self, file: BufferedIOBase) -> None:
        self._file = file

    def readline(self, limit: int) -> bytes:
        """Return the next line; one that is as long as the limit is left to who asks.

        Raises:
            BadRequestError: it is no field, is folded, or holds a character that no value may have.
        """
        line = self._file.readline(limit)
        if len(line) < limit and not _FIELD.fullmatch(line):
            raise BadRequestError
        return line


def _target(path: str, headers: Headers) -> str:
    """Return the target in its usual form, where a client has sent that for proxies.

    Raises:
        BadRequestError: it is of no form that is known, or names another host than the header does.
    """
    if path.startswith("/"):
        return path
    absolute = _ABSOLUTE.fullmatch(path)
    if absolute is None or [absolute[1].lower()] != [host.lower() for host in headers.all("Host")]:
        raise BadRequestError
    return absolute[2] if absolute[2].startswith("/") else f"/{absolute[2]}"


def _decoded(value: str) -> str:
    return value.encode("latin-1", "replace").decode("utf-8", "replace").strip()
