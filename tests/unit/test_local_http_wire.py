"""HTTP/1.1 as clients speak it: bodies of both kinds, connections kept, and nothing smuggled."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from ragctl.local.http.messages import Headers, Request, Response
from ragctl.local.http.server import ApiServer
from ragctl.local.http.wire import MAX_BODY_BYTES

GUARD_SECONDS = 20.0


def echo(request: Request) -> Response:
    told = {"method": request.method, "target": request.target, "length": len(request.body)}
    told |= {"oversized": request.oversized, "x": request.headers.all("x")}
    return Response(204 if request.path == "/empty" else 200, Headers(), json.dumps(told).encode())


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = ApiServer(listener, echo)
    server.start()
    yield listener.getsockname()[:2]
    server.stop()
    listener.close()


def said(address: tuple[str, int], *requests: bytes) -> bytes:
    """Send requests on one connection, and return everything until the server closes it."""
    with closing(socket.create_connection(address, GUARD_SECONDS)) as connection:
        connection.sendall(b"".join(requests))
        pieces = []
        while piece := connection.recv(65_536):
            pieces.append(piece)
        return b"".join(pieces)


def request(line: str, *fields: str, body: bytes = b"", last: bool = True) -> bytes:
    closed = ["Connection: close"] if last else []
    return "\r\n".join([f"{line} HTTP/1.1", "Host: localhost", *fields, *closed, "", ""]).encode() + body


def told(answer: bytes) -> dict[str, object]:
    document: dict[str, object] = json.loads(answer.rpartition(b"\r\n\r\n")[2])
    return document


class TestConnections:
    def test_a_connection_serves_one_request_after_another(self, address: tuple[str, int]) -> None:
        answer = said(
            address,
            request("POST /a", "Content-Length: 3", body=b"abc", last=False),
            request("GET /empty", last=False),
            request("GET /c"),
        )

        assert answer.count(b"HTTP/1.1 200 OK\r\n") == 2
        assert answer.count(b"HTTP/1.1 204 No Content\r\n") == 1
        assert told(answer)["target"] == "/c"

    def test_a_body_may_come_in_chunks(self, address: tuple[str, int]) -> None:
        chunks = b"3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nTrailer: t\r\n\r\n"

        chunked = request("POST /a", "Transfer-Encoding: chunked", last=False, body=chunks)
        answer = said(address, chunked, request("GET /b"))

        assert answer.count(b'"length": 13') == 1
        assert told(answer)["target"] == "/b"

    def test_a_body_is_asked_for_when_it_may_come(self, address: tuple[str, int]) -> None:
        answer = said(address, request("POST /a", "Content-Length: 1", "Expect: 100-continue", body=b"x"))

        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")

    def test_one_beyond_the_limit_is_not(self, address: tuple[str, int]) -> None:
        answer = said(address, request("POST /a", f"Content-Length: {MAX_BODY_BYTES + 1}", "Expect: 100-continue"))

        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert told(answer)["oversized"] is True

    @pytest.mark.parametrize("kind", ["length", "chunks"])
    def test_one_that_comes_all_the_same_is_read_over(self, address: tuple[str, int], kind: str) -> None:
        body = b"x" * (MAX_BODY_BYTES + 1)
        sent = (
            request("POST /a", f"Content-Length: {len(body)}", body=body)
            if kind == "length"
            else request("POST /a", "Transfer-Encoding: chunked", body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
        )

        assert told(said(address, sent))["oversized"] is True

    def test_head_has_no_body(self, address: tuple[str, int]) -> None:
        assert said(address, request("HEAD /a")).endswith(b"\r\n\r\n")

    def test_any_method_reaches_the_api(self, address: tuple[str, int]) -> None:
        assert told(said(address, request("BREW /pot")))["method"] == "BREW"

    def test_a_target_for_proxies_is_told_as_usual(self, address: tuple[str, int]) -> None:
        assert told(said(address, request("GET http://localhost/a?b=c")))["target"] == "/a?b=c"

    @pytest.mark.parametrize(
        "sent",
        [
            pytest.param(request("POST /a", "Content-Length: 1", "Transfer-Encoding: chunked"), id="two lengths"),
            pytest.param(request("POST /a", "Content-Length: 1", "Content-Length: 2"), id="two unlike lengths"),
            pytest.param(request("POST /a", "Content-Length: -1"), id="a negative length"),
            pytest.param(request("POST /a", "Content-Length: +1"), id="a length with a sign"),
            pytest.param(request("POST /a", "Transfer-Encoding: gzip, chunked"), id="another coding"),
            pytest.param(request("POST /a", "Transfer-Encoding: chunked", body=b"x\r\n"), id="no chunk"),
            pytest.param(request("POST /a", "Transfer-Encoding : chunked"), id="a name that ends with a space"),
            pytest.param(request("GET /a", "no field at all"), id="a line without a colon"),
            pytest.param(request("GET /a", "x: 1", " 2"), id="a folded line"),
            pytest.param(request("GET /a", "x: 1\0"), id="NUL"),
            pytest.param(request("GET /a", "x: 1\rTransfer-Encoding: chunked"), id="a carriage return alone"),
            pytest.param(request("GET /a", ": 1"), id="no name"),
            pytest.param(b"GET /a HTTP/1.1\r\nFrom me\r\nHost: localhost\r\n\r\n", id="a mailbox's first line"),
            pytest.param(request("GET http://elsewhere.example/a"), id="another host's target"),
            pytest.param(request("GET http://u@localhost/a"), id="a target with a user"),
            pytest.param(request("GET ftp://localhost/a"), id="a target of another scheme"),
            pytest.param(b"<script>alert(1)</script>\r\n\r\n", id="no HTTP"),
        ],
    )
    def test_what_has_no_certain_end_closes_the_connection(self, address: tuple[str, int], sent: bytes) -> None:
        answer = said(address, sent)

        assert b" 400 " in answer.partition(b"\r\n")[0]
        assert b"script" not in answer
        assert b"Connection: close" in answer
