"""A gate before S3, DynamoDB and Milvus: it counts what functions write, and kills the one that writes, when told.

It finds the process at the other end of a connection in /proc, so it works on Linux alone. A write is ascribed to the
tenant that its process named last, since not every request names one, and a function works for one tenant at a time.
"""

import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from types import TracebackType
from typing import Final, Literal, Self, TypeVar
from uuid import uuid4

import grpc

from tests.fakes.milvus_gate import MilvusGate

When = Literal["before", "after"]  # the write is done
Answer = TypeVar("Answer")

_TENANT: Final = re.compile(rb"gate-[0-9a-f]{16}")
_FAMILY: Final = re.compile(rb'"pk": ?{"S": ?"([a-z]+)')  # of an entry in the registry
_S3_WRITES: Final = {"PUT": "PutObject", "POST": "DeleteObjects", "DELETE": "DeleteObject"}
_DYNAMODB_WRITES: Final = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
_MILVUS_WRITES: Final = {"Insert", "Upsert", "Delete", "Flush"}
_NOTED_ONCE: Final = "PutItem tenants"  # by each process, just before a write that counts
_LOOPBACK: Final = {  # gRPC opens sockets of both families at once
    "/proc/net/tcp": "0100007F",
    "/proc/net/tcp6": "0000000000000000FFFF00000100007F",
}
_ENDED_AT_A_CONNECTION: Final = {"connection", "keep-alive", "host", "transfer-encoding", "content-length", "expect"}


class WriterKilledError(Exception):
    """Nobody waits for the answer any more."""


@dataclass
class Watch:
    """What a tenant's functions wrote since the watch began, and whom to kill at which write, counted from 1."""

    kills: Mapping[int, When]
    writes: list[str] = field(default_factory=list)  # as "index_chunks: Upsert"
    killed: list[str] = field(default_factory=list)


class KillGate:
    """Passes requests on to the AWS endpoint and the Milvus server behind it."""

    def __init__(self, milvus_uri: str) -> None:
        self._watches: dict[str, Watch] = {}
        self._tenants: dict[int, str] = {}  # that each process named last
        self._lock = Lock()
        self._workers = _Workers(0)
        self._behind = ""
        self._fronts = [_HttpFront(self, "S3"), _HttpFront(self, "DynamoDB")]
        self._milvus = _MilvusFront(self, milvus_uri)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        for front in self._fronts:
            self._stack.callback(front.server_close)
            Thread(target=front.serve_forever, args=(0.05,), daemon=True).start()
            self._stack.callback(front.shutdown)
        self._stack.enter_context(self._milvus)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def variables(self) -> Mapping[str, str]:
        """The environment variables that send a function's requests through the gate."""
        return {f"AWS_ENDPOINT_URL_{front.service.upper()}": front.url for front in self._fronts}

    @property
    def milvus_uri(self) -> str:
        """Where the gate listens for Milvus clients."""
        return self._milvus.uri

    @property
    def behind(self) -> str:
        """Host and port of the AWS endpoint."""
        return self._behind

    def open(self, endpoint: str, supervisor: int) -> None:
        """Pass requests on to this endpoint, and take the supervisor's child processes for those that may be killed."""
        self._behind, self._workers = endpoint.removeprefix("http://"), _Workers(supervisor)

    def tenant(self) -> str:
        """Return the name of a new tenant, which can be watched."""
        return f"gate-{uuid4().hex[:16]}"

    def watch(self, tenant: str, kills: Mapping[int, When] | None = None) -> Watch:
        """Begin to count anew what a tenant's functions write."""
        with self._lock:
            self._watches[tenant] = Watch(kills or {})
            return self._watches[tenant]

    def writer(self, client_port: int, own_port: int) -> int | None:
        """Return the process id of the function at the other end of a connection, or None."""
        with self._lock:
            return self._workers.find(client_port, own_port)

    def pass_on(self, writer: int | None, write: str, request: bytes, forward: Callable[[], Answer]) -> Answer:
        """Return the answer, unless the writer is to be killed. A request that writes nothing has no name.

        Raises:
            WriterKilledError: it was, before its write was done or after.
        """
        if writer is None:
            return forward()
        when = self._take_note(writer, write, request)
        if when == "before":
            _kill(writer)
            raise WriterKilledError
        answer = forward()
        if when == "after":
            _kill(writer)
            raise WriterKilledError
        return answer

    def _take_note(self, writer: int, write: str, request: bytes) -> When | None:
        with self._lock:
            if named := _TENANT.search(request):
                self._tenants[writer] = named[0].decode()
            watch = self._watches.get(self._tenants.get(writer, ""))
            if watch is None or write in ("", _NOTED_ONCE):
                return None
            watch.writes.append(f"{_function(writer)}: {write}")
            when = watch.kills.get(len(watch.writes))
            if when:
                watch.killed.append(watch.writes[-1])
            return when


class _Workers:
    """The child processes of a supervisor."""

    def __init__(self, supervisor: int) -> None:
        self._supervisor = supervisor
        self._held: dict[int, tuple[Path, str]] = {}  # by client port, the link to its socket and what that reads

    def find(self, client_port: int, server_port: int) -> int | None:
        """Return the one that holds the client's end of a connection, or None."""
        held = self._held.get(client_port)
        if held is None or not _leads_to(*held):
            held = self._look(client_port, server_port)
        if held is None:
            return None
        self._held[client_port] = held
        holder = int(held[0].parts[2])
        return None if holder == os.getpid() else holder

    def _look(self, client_port: int, server_port: int) -> tuple[Path, str] | None:
        socket = _socket(client_port, server_port)
        links = (link for pid in [os.getpid(), *self._children()] for link in _links(pid, socket))
        return next(((link, socket) for link in links), None) if socket else None

    def _children(self) -> Iterator[int]:
        for directory in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it has ended meanwhile
                if int((directory / "stat").read_text().rpartition(")")[2].split()[1]) == self._supervisor:
                    yield int(directory.name)


def _socket(client_port: int, server_port: int) -> str:
    """Return what a link to the client's end of a connection on the loopback interface reads, "" if there is none."""
    for table, address in _LOOPBACK.items():
        ends = f" {address}:{client_port:04X} {address}:{server_port:04X} "
        _, found, after = Path(table).read_text().partition(ends)
        if found:
            return f"socket:[{after.split()[6]}]"
    return ""


def _links(pid: int, socket: str) -> list[Path]:
    with suppress(OSError):
        return [link for link in Path(f"/proc/{pid}/fd").iterdir() if _leads_to(link, socket)]
    return []


def _leads_to(link: Path, socket: str) -> bool:
    with suppress(OSError):
        return os.readlink(link) == socket  # noqa: PTH115 - a hundred thousand times, and Path's takes thrice as long
    return False


def _function(pid: int) -> str:
    """Return the name of the directory that a function's process runs in."""
    return Path(f"/proc/{pid}/cwd").readlink().name


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


class _HttpFront(ThreadingHTTPServer):
    """The gate's address for one of AWS's services."""

    daemon_threads = True

    def __init__(self, gate: KillGate, service: Literal["S3", "DynamoDB"]) -> None:
        super().__init__(("127.0.0.1", 0), _HttpPassage)
        self.gate, self.service = gate, service

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _HttpPassage(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _HttpFront

    def setup(self) -> None:
        super().setup()
        self._writer = self.server.gate.writer(self.client_address[1], self.server.server_port)
        self._behind = HTTPConnection(self.server.gate.behind)

    def finish(self) -> None:
        self._behind.close()
        super().finish()

    def do_POST(self) -> None:
        body = self._body()
        request = self.path.encode() + b"\n" + body
        try:
            answer = self.server.gate.pass_on(self._writer, self._write(body), request, lambda: self._forward(body))
        except WriterKilledError:
            self.close_connection = True
            return
        status, headers, content = answer
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_DELETE = do_POST  # noqa: N815 - the names are the base class's

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - as above
        pass

    def _write(self, body: bytes) -> str:
        """Return the name of what the request writes and where, "" if it only reads."""
        if self.server.service == "S3":
            name = _S3_WRITES.get(self.command, "")
            return f"{name} {self.path.partition('?')[0].rpartition('/')[2]}" if name else ""
        operation = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        family = _FAMILY.search(body)
        return f"{operation} {family[1].decode() if family else ''}".strip() if operation in _DYNAMODB_WRITES else ""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        chunks = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _ENDED_AT_A_CONNECTION}
        self._behind.request(self.command, self.path, body or None, headers | {"Content-Length": str(len(body))})
        answer = self._behind.getresponse()
        content = answer.read()
        kept = [(name, value) for name, value in answer.getheaders() if name.lower() not in _ENDED_AT_A_CONNECTION]
        length = answer.getheader("Content-Length") if self.command == "HEAD" else None
        return answer.status, [*kept, ("Content-Length", length or str(len(content)))], content


class _MilvusFront(MilvusGate):
    """The gate's address for Milvus."""

    def __init__(self, gate: KillGate, uri: str) -> None:
        super().__init__(uri)
        self._gate = gate

    def handle(self, path: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        name = path.rpartition("/")[2]
        own, client = (int(text.rpartition(":")[2]) for text in (self.uri, context.peer()))
        writer = self._gate.writer(client, own)
        write = name if name in _MILVUS_WRITES else ""
        try:
            return self._gate.pass_on(
                writer, write, request, lambda: super(_MilvusFront, self).handle(path, request, context)
            )
        except WriterKilledError:
            context.abort(grpc.StatusCode.UNAVAILABLE, "killed")
            raise
