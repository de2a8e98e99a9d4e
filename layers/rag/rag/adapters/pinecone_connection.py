"""One Pinecone index over HTTP: made at the first call, one attempt a call, a total deadline, keys that rotate."""

import logging
from collections.abc import Callable
from threading import Lock
from typing import TypeVar

from pinecone import RetryConfig
from pinecone._internal.http_client import _RetryTransport
from pinecone.errors.exceptions import PineconeError
from pinecone.index import Index

from rag.adapters.pinecone_errors import is_missing_namespace, translated_errors
from rag.adapters.renewal import renewing
from rag.errors import IndexUnavailable, InternalError, SecretUnavailable
from rag.ports import Credential

T = TypeVar("T")


class PineconeConnection:
    """Runs operations on one index."""

    def __init__(self, credential: Credential, host: str, deadline_seconds: float) -> None:
        self._credential = credential
        self._host = host
        self._deadline_seconds = deadline_seconds
        self._opening = Lock()
        self._opened: dict[str, Index] = {}  # by key: calls under way may still use the one before

    def call(self, operation: Callable[[Index], T]) -> T:
        """Return what the operation returns; a key that Pinecone refuses is read again once.

        Raises:
            RagError: the translation of whatever the client raised, or the deadline.
        """
        return renewing(
            self._credential, lambda key: self._attempt(operation, key), self._deadline_seconds, service="Pinecone"
        )

    def call_or(self, operation: Callable[[Index], T], absent: T) -> T:
        """Return what the operation returns, or `absent` when the tenant's namespace does not exist yet."""
        try:
            return self.call(operation)
        except IndexUnavailable as error:
            if is_missing_namespace(error.__cause__):
                return absent
            raise

    def close(self) -> None:
        """Close the connections that are open."""
        with self._opening:
            while self._opened:
                self._opened.popitem()[1].close()

    def _attempt(self, operation: Callable[[Index], T], key: str) -> T:
        index = self._index_for(key)
        with translated_errors():
            return operation(index)

    def _index_for(self, key: str) -> Index:
        with self._opening:
            if key not in self._opened:
                self._opened[key] = self._connected(key)
            return self._opened[key]

    def _connected(self, key: str) -> Index:
        # At DEBUG the client can be made to log whole bodies, and with them questions and passages.
        logging.getLogger("pinecone").setLevel(logging.WARNING)
        try:
            index = Index(host=self._host, api_key=key, timeout=self._deadline_seconds + 1)  # the deadline decides
        except PineconeError as error:
            raise SecretUnavailable("The Pinecone API key or the index's host is malformed.") from error
        return _single_attempt(index)


def _single_attempt(index: Index) -> Index:
    """Take the retries out of an index's transport: the state machine retries, and `Index` has no setting for it."""
    transport = index._http._client._transport
    if not isinstance(transport, _RetryTransport):
        raise InternalError("This version of the Pinecone client keeps its retry policy elsewhere.")
    transport._config = RetryConfig(max_retries=0)
    return index
