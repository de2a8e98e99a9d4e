"""The connection to Milvus: made at first use, each call under a total deadline, all errors ours."""

import logging
from collections.abc import Callable
from threading import Lock, Thread
from typing import TypeVar

from pymilvus import MilvusClient

from rag.adapters.milvus_errors import VENDOR_ERRORS, translated, wants_loading
from rag.deadlines import within
from rag.errors import CredentialsRejected, PermanentError, UpstreamUnavailable
from rag.ports import Credential

T = TypeVar("T")

# It logs failed requests at ERROR, and their expressions hold what users asked.
logging.getLogger("pymilvus").setLevel(logging.CRITICAL + 1)


class MilvusConnection:
    """Runs calls on one Milvus server. The token is `user:password` or an API key; Milvus Lite needs none."""

    def __init__(self, credential: Credential | None, uri: str, collection: str, deadline_seconds: float) -> None:
        self._credential = credential
        self._uri = uri
        self._collection = collection
        self._deadline = deadline_seconds
        self._client: MilvusClient | None = None
        self._lock = Lock()

    def run(self, call: Callable[[MilvusClient], T]) -> T:
        """Return what `call` returns; refused credentials are read again once, since keys rotate.

        Raises:
            TransientError: worth another attempt.
            CredentialsRejected, IndexUnavailable, UpstreamRejected: not.
            SecretUnavailable: as the credential does.
        """
        try:
            return self._attempt(call, fresh=False)
        except CredentialsRejected:
            if self._credential is None:
                raise
            self._forget(self._client)
            return self._attempt(call, fresh=True)

    def close(self) -> None:
        """End the connection; the next call would make another."""
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()

    def _attempt(self, call: Callable[[MilvusClient], T], *, fresh: bool) -> T:
        client = self._client
        token = "" if client or self._credential is None else self._credential(fresh=fresh)
        try:
            return within(self._deadline, lambda: self._called(call, token))
        except UpstreamUnavailable:
            self._forget(client or self._client)  # a connection may be dead without knowing, as after a Lambda's freeze
            raise
        except PermanentError:
            if client is not None and client is not self._client:
                raise UpstreamUnavailable("The connection to Milvus was closed during a call.") from None
            raise

    def _called(self, call: Callable[[MilvusClient], T], token: str) -> T:
        try:
            client = self._connected(token)
            try:
                return call(client)
            except VENDOR_ERRORS as error:
                if not wants_loading(error):
                    raise
                client.load_collection(self._collection, retry_times=0)
                return call(client)
        except VENDOR_ERRORS as error:
            raise translated(error) from None  # its text quotes the request

    def _connected(self, token: str) -> MilvusClient:
        with self._lock:
            if self._client is None:
                # A shared connection would outlive this client. The timeout here bounds the handshake and nothing else.
                self._client = MilvusClient(self._uri, token=token, dedicated=True, timeout=self._deadline)
            return self._client

    def _forget(self, client: MilvusClient | None) -> None:
        if client is None:
            return  # still connecting; the handshake's own timeout ends that
        with self._lock:
            current = client is self._client
            if current:
                self._client = None
        if current:
            Thread(target=client.close, name="milvus-close", daemon=True).start()  # it may wait for a reconnect
