"""The Runtime API's HTTP, byte by byte."""

import socket
from collections.abc import Iterator
from http import HTTPStatus
from time import monotonic

import pytest

from ragctl.local.runtime_api import ResponseTooLargeError, RuntimeApi, WorkerGoneError


@pytest.fixture
def api() -> Iterator[RuntimeApi]:
    api = RuntimeApi()
    yield api
    api.close()


def connected(api: RuntimeApi) -> socket.socket:
    host, port = api.address.split(":")
    return socket.create_connection((host, int(port)), timeout=20)


def soon() -> float:
    return monotonic() + 20


def running() -> bool:
    return True


def ended() -> bool:
    return False


def test_a_request_may_arrive_in_pieces(api: RuntimeApi) -> None:
    with connected(api) as worker:
        for piece in (
            b"POST /2018-06-01/runtime/invo",
            b"cation/7/response HTTP/1.1\r\nContent-Le",
            b"ngth: 4\r\n\r\n[1",
        ):
            worker.sendall(piece)
            with pytest.raises(TimeoutError):
                api.receive(monotonic(), running)
        worker.sendall(b"2]")

        request = api.receive(soon(), running)

    assert (request.method, request.path, request.body) == ("POST", "invocation/7/response", b"[12]")


def test_an_answer_is_one_http_response(api: RuntimeApi) -> None:
    with connected(api) as worker:
        worker.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n")

        api.receive(soon(), running).answer(HTTPStatus.OK, b"{}", {"Lambda-Runtime-Deadline-Ms": "5"})

        assert worker.recv(1000) == (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nLambda-Runtime-Deadline-Ms: 5\r\n"
            b"Content-Length: 2\r\n\r\n{}"
        )


def test_a_connection_that_says_nothing_is_in_nobodys_way(api: RuntimeApi) -> None:
    with connected(api), connected(api) as worker, connected(api):
        worker.sendall(b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n\r\n")

        assert api.receive(soon(), running).path == "invocation/next"


def test_the_last_words_of_a_process_are_heard(api: RuntimeApi) -> None:
    with connected(api) as worker:
        worker.sendall(b"POST /2018-06-01/runtime/init/error HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")

    assert api.receive(soon(), ended).path == "init/error"
    with pytest.raises(WorkerGoneError):
        api.receive(soon(), ended)


def test_a_body_above_the_limit_is_not_read(api: RuntimeApi) -> None:
    with connected(api) as worker:
        worker.sendall(b"POST /2018-06-01/runtime/invocation/7/response HTTP/1.1\r\nContent-Length: 6291557\r\n\r\n")

        with pytest.raises(ResponseTooLargeError, match="6291557 bytes"):
            api.receive(soon(), running)
