"""AWS's Lambda Runtime API on loopback: the HTTP conversation with one worker process.

Nothing runs in the background: whoever waits for the worker's next request reads its sockets. Every answer leaves
in one `sendall` with Nagle off, since a header and a body sent apart cost 40 ms of delayed acknowledgement.
"""

import select
import socket
from collections.abc import Callable, Mapping
from http import HTTPStatus
from time import monotonic

VERSION = "2018-06-01"
MAX_EVENT_BYTES = 6 * 1024 * 1024
MAX_RESPONSE_BYTES = MAX_EVENT_BYTES + 100  # AWS allows a response a hundred bytes more than an event

_POLL_SECONDS = 0.02  # how late the end of a process that never connected is seen
_SEND_SECONDS = 10.0
_CHUNK_BYTES = 256 * 1024


class WorkerGoneError(Exception):
    """The worker's process ended while it was expected to say something."""


class ResponseTooLargeError(Exception):
    """The worker announced a body above the limit, which was not read."""

    def __init__(self, size: int) -> None:
        super().__init__(f"{size} bytes")
        self.size = size


class RuntimeRequest:
    """One HTTP request of the worker, to be answered exactly once."""

    def __init__(self, method: str, path: str, body: bytes, connection: socket.socket) -> None:
        self.method = method
        self.path = path.removeprefix(f"/{VERSION}/runtime/")
        self.body = body
        self._connection = connection

    def answer(self, status: HTTPStatus, body: bytes = b"", headers: Mapping[str, str] | None = None) -> None:
        """Send the response.

        Raises:
            WorkerGoneError: nobody is at the other end.
        """
        head = [f"HTTP/1.1 {status.value} {status.phrase}", "Content-Type: application/json"]
        head += [f"{name}: {value}" for name, value in (headers or {}).items()]
        head += [f"Content-Length: {len(body)}", "", ""]
        try:
            self._connection.sendall("\r\n".join(head).encode("latin-1") + body)
        except OSError as error:
            raise WorkerGoneError from error


class RuntimeApi:
    """Listens on a free loopback port for one worker."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: dict[int, _Connection] = {}
        self._poll = select.poll()
        self._poll.register(self._listener, select.POLLIN)
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def receive(self, deadline: float, alive: Callable[[], bool]) -> RuntimeRequest:
        """Return the worker's next request.

        `deadline` is on the monotonic clock; `alive` tells whether the process still runs, which a closed connection
        does not: the runtime client opens a second one to report a failed import, and a new one after two minutes.

        Raises:
            TimeoutError: the deadline passed.
            WorkerGoneError: the process ended.
            ResponseTooLargeError: the request's body is above MAX_RESPONSE_BYTES.
        """
        while True:
            for connection in self._connections.values():
                if (request := connection.take_request()) is not None:
                    return request
            running = alive()  # asked before reading: what a process said last is read although it has ended
            if not self._read(min(_POLL_SECONDS, deadline - monotonic())):
                if not running:
                    raise WorkerGoneError
                if monotonic() >= deadline:
                    raise TimeoutError

    def close(self) -> None:
        """Stop listening and hang up, at which the runtime client ends its process."""
        for connection in self._connections.values():
            connection.socket.close()
        self._connections.clear()
        self._listener.close()

    def _read(self, seconds: float) -> bool:
        """Take in what has arrived within `seconds`; return whether anything did."""
        ready = self._poll.poll(max(0.0, seconds) * 1000)
        for descriptor, _ in ready:
            connection = self._connections.get(descriptor)
            if connection is None:
                self._accept()
            elif not connection.feed():
                self._poll.unregister(descriptor)
                del self._connections[descriptor]
                connection.socket.close()
        return bool(ready)

    def _accept(self) -> None:
        accepted, _ = self._listener.accept()
        accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        accepted.settimeout(_SEND_SECONDS)
        self._connections[accepted.fileno()] = _Connection(accepted)
        self._poll.register(accepted, select.POLLIN)


class _Connection:
    """Cuts the bytes of one keep-alive connection into requests."""

    def __init__(self, accepted: socket.socket) -> None:
        self.socket = accepted
        self._received = bytearray()

    def feed(self) -> bool:
        """Read what is there; return False at the end of the stream."""
        try:
            data = self.socket.recv(_CHUNK_BYTES)
        except OSError:
            return False
        self._received += data
        return bool(data)

    def take_request(self) -> RuntimeRequest | None:
        """Return a request that has arrived in full, if one has."""
        end_of_head = self._received.find(b"\r\n\r\n")
        if end_of_head < 0:
            return None
        request_line, *headers = self._received[:end_of_head].decode("latin-1").split("\r\n")
        length = _content_length(headers)
        if length > MAX_RESPONSE_BYTES:
            raise ResponseTooLargeError(length)
        end = end_of_head + 4 + length
        if len(self._received) < end:
            return None
        body = bytes(self._received[end_of_head + 4 : end])
        del self._received[:end]
        method, path, _ = request_line.split(" ", 2)
        return RuntimeRequest(method, path, body, self.socket)


def _content_length(headers: list[str]) -> int:
    for header in headers:
        name, _, value = header.partition(":")
        if name.lower() == "content-length":
            return int(value)
    return 0
