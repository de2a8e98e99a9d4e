"""The connection to Milvus: made at first use, a total deadline a call, all errors ours."""

import logging
from collections.abc import Callable
from threading import Lock, Thread
from typing import Final, TypeVar

from pymilvus import MilvusClient

from rag.adapters.milvus_errors import VENDOR_ERRORS, translated, wants_loading
from rag.adapters.renewal import renewing
from rag.errors import PermanentError, UpstreamUnavailable
from rag.ports import Credential

T = TypeVar("T")

# It logs failed requests at ERROR, and their expressions hold what users asked.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)

# No pings while nothing is asked: a server may take them for an attack (Milvus Lite does: "too_many_pings") and break
# off the call that comes next, and a frozen Lambda could not send them anyway.
_GRPC_OPTIONS: Final = {"grpc.keepalive_permit_without_calls": 0, "grpc.use_local_subchannel_pool": 1}


class MilvusConnection:
    """Runs calls on one Milvus server. The token is `user:password` or an API key; Milvus Lite needs none."""

    def __init__(self, credential: Credential | None, uri: str, collection: str, deadline_seconds: float) -> None:
        self._credential = credential or _no_token
        self._uri = uri
        self._collection = collection
        self._deadline = deadline_seconds
        self._open: tuple[str, MilvusClient] | None = None
        self._lock = Lock()

    def run(self, call: Callable[[MilvusClient], T]) -> T:
        """Return what `call` returns; refused credentials are read again once, since keys rotate.

        Raises:
            TransientError: worth another attempt.
            CredentialsRejected, IndexUnavailable, UpstreamRejected: not.
            SecretUnavailable: as the credential does.
        """
        used: list[MilvusClient] = []
        try:
            return renewing(
                self._credential, lambda token: self._attempt(call, token, used), self._deadline, service="Milvus"
            )
        except UpstreamUnavailable:
            for client in used:  # a connection may be dead without knowing, as after a Lambda's freeze
                self._forget(client)
            raise

    def close(self) -> None:
        """End the connection; the next call would make another."""
        with self._lock:
            held, self._open = self._open, None
        if held is not None:
            held[1].close()

    def _attempt(self, call: Callable[[MilvusClient], T], token: str, used: list[MilvusClient]) -> T:
        try:
            client = self._connected(token)
            used.append(client)
            try:
                return self._called(call, client)
            except PermanentError:
                if not self._holds(client):
                    raise UpstreamUnavailable("The connection to Milvus was closed during a call.") from None
                raise
        except VENDOR_ERRORS as error:
            raise translated(error) from None  # its text quotes the request

    def _called(self, call: Callable[[MilvusClient], T], client: MilvusClient) -> T:
        try:
            try:
                return call(client)
            except VENDOR_ERRORS as error:
                if not wants_loading(error):
                    raise
                client.load_collection(self._collection, retry_times=0)
                return call(client)
        except VENDOR_ERRORS as error:
            raise translated(error) from None

    def _connected(self, token: str) -> MilvusClient:
        with self._lock:
            if self._open is not None and self._open[0] != token:
                _close_aside(self._open[1])
                self._open = None
            if self._open is None:
                # A shared connection would outlive this client. The timeout here bounds the handshake and nothing else:
                # the next call waits for the handshake of an abandoned one, so it is no longer than the deadline.
                client = MilvusClient(
                    self._uri, token=token, dedicated=True, timeout=self._deadline, grpc_options=_GRPC_OPTIONS
                )
                self._open = token, client
            return self._open[1]

    def _holds(self, client: MilvusClient) -> bool:
        held = self._open
        return held is not None and held[1] is client

    def _forget(self, client: MilvusClient) -> None:
        with self._lock:
            current = self._holds(client)
            if current:
                self._open = None
        if current:
            _close_aside(client)


def _no_token(*, fresh: bool = False) -> str:  # noqa: ARG001 - the port's signature
    return ""


def _close_aside(client: MilvusClient) -> None:
    Thread(target=client.close, name="milvus-close", daemon=True).start()  # it may wait for a reconnect
