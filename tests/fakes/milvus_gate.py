"""A gRPC server before Milvus Lite: it asks for a token, which Milvus Lite does not, and fails when told."""

import base64
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from types import TracebackType
from typing import Any, Self

import grpc
from pymilvus.grpc_gen import common_pb2, milvus_pb2

Behaviour = Callable[[grpc.ServicerContext], bytes]

_ANSWERS: dict[str, type[Any]] = {
    "Search": milvus_pb2.SearchResults,
    "Query": milvus_pb2.QueryResults,
    "Upsert": milvus_pb2.MutationResult,
    "Flush": milvus_pb2.FlushResponse,
}


class MilvusGate:
    """Passes calls on to the server at `uri`, counts them and keeps the last of each method. No token asks for none."""

    def __init__(self, uri: str, token: str = "") -> None:
        self.token = token
        self.calls: Counter[str] = Counter()
        self.last_requests: dict[str, bytes] = {}
        self._behaviours: dict[str, Behaviour] = {}
        self._closing = Event()
        self._upstream = grpc.insecure_channel(uri.removeprefix("http://"))
        self._server = grpc.server(ThreadPoolExecutor(8), handlers=[_Passage(self)])
        self._port = self._server.add_insecure_port("127.0.0.1:0")

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        self._server.stop(grace=None).wait()
        self._upstream.close()

    def break_off(self, method: str, status: grpc.StatusCode, details: str = "") -> None:
        """End calls of the method with a gRPC status."""
        self._behaviours[method] = lambda context: _aborted(context, status, details)

    def refuse(self, method: str, code: int, reason: str = "", *, retriable: bool = False) -> None:
        """Answer calls of the method with an error code of Milvus's own."""
        status = common_pb2.Status(code=code, error_code=common_pb2.UnexpectedError, reason=reason, retriable=retriable)
        answer: bytes = _ANSWERS[method](status=status).SerializeToString()
        self._behaviours[method] = lambda _: answer

    def hang(self, method: str) -> None:
        """Leave calls of the method without an answer."""
        self._behaviours[method] = self._silent

    def recover(self) -> None:
        """Pass everything on again."""
        self._behaviours.clear()

    def handle(self, path: str, request: bytes, context: grpc.ServicerContext) -> bytes:
        method = path.rpartition("/")[2]
        self.calls[method] += 1
        self.last_requests[method] = request
        given = dict(context.invocation_metadata()).get("authorization", "")
        if self.token and given != base64.b64encode(self.token.encode()).decode():
            _aborted(context, grpc.StatusCode.UNAUTHENTICATED, "auth check failure, please check username and password")
        if method in self._behaviours:
            return self._behaviours[method](context)
        answer: bytes = self._upstream.unary_unary(path)(request)
        return answer

    def _silent(self, context: grpc.ServicerContext) -> bytes:
        while context.is_active() and not self._closing.wait(0.05):
            pass
        return b""


class _Passage(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc has no types
    def __init__(self, gate: MilvusGate) -> None:
        self._gate = gate

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        path = handler_call_details.method
        return grpc.unary_unary_rpc_method_handler(lambda request, context: self._gate.handle(path, request, context))


def _aborted(context: grpc.ServicerContext, status: grpc.StatusCode, details: str) -> bytes:
    context.abort(status, details)
    raise AssertionError("A call goes on after its end.")
