"""DynamoDB adapter for the EmbeddingCache port. Reading and writing fail open: whatever goes wrong is a miss."""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config

from rag import vectors
from rag.deadlines import within
from rag.errors import UpstreamThrottled, UpstreamUnavailable
from rag.vectors import Vector

QUERY_TIMEOUT_SECONDS: Final = 0.3  # slower than this, the embedding call itself is about as fast
INGESTION_TIMEOUT_SECONDS: Final = 2.0

_READ_BATCH: Final = 100  # keys of one BatchGetItem
_WRITE_BATCH: Final = 25  # items of one BatchWriteItem
_SECONDS_PER_DAY: Final = 86_400
_PAUSES: Final = (0.0, 0.05, 0.1, 0.2, 0.4)  # seconds before each attempt to delete what DynamoDB left over

T = TypeVar("T")


class DynamoEmbeddingCache:
    """Vectors by key, as float32 bytes in a table with TTL. It holds no text.

    Each request has `timeout_seconds` in all; what is not there by then is a miss.
    """

    def __init__(
        self,
        table: str,
        ttl_days: int,
        *,
        timeout_seconds: float = QUERY_TIMEOUT_SECONDS,
        client: Any = None,
        clock: Callable[[], float] = time.time,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._table = table
        self._lifetime = ttl_days * _SECONDS_PER_DAY
        self._timeout = timeout_seconds
        self._client: Any = client or boto3.client(
            "dynamodb",
            config=Config(
                connect_timeout=timeout_seconds, read_timeout=timeout_seconds, retries={"total_max_attempts": 1}
            ),
        )
        self._clock = clock
        self._on_failure = on_failure

    def get(self, keys: Sequence[str]) -> "Mapping[str, Vector[float]]":
        """Return the vectors of those keys that it holds; an expired or corrupt entry is a miss."""
        found: dict[str, Vector[float]] = {}
        for batch in _batches(keys, _READ_BATCH):
            request = {self._table: {"Keys": [{"id": {"S": key}} for key in batch]}}
            found |= self._tried(partial(self._read, request)) or {}
        return found

    def put(self, vectors_by_key: "Mapping[str, Vector[float]]") -> None:
        """Remember the vectors for the table's lifetime, as well as it can."""
        expires_at = str(int(self._clock()) + self._lifetime)
        for batch in _batches(list(vectors_by_key.items()), _WRITE_BATCH):
            puts = [
                {"PutRequest": {"Item": {
                    "id": {"S": key}, "vector": {"B": vectors.to_bytes(vector)}, "expires_at": {"N": expires_at}
                }}}
                for key, vector in batch
            ]  # fmt: skip
            self._tried(partial(self._write, {self._table: puts}))

    def forget(self, keys: Sequence[str]) -> None:
        """Delete the entries with these keys; unknown keys are passed over.

        Raises:
            UpstreamThrottled: DynamoDB left some undone, a few times over.
            UpstreamUnavailable: it could not be reached, or failed.
        """
        for batch in _batches(list(dict.fromkeys(keys)), _WRITE_BATCH):
            left: Mapping[str, Any] = {self._table: [{"DeleteRequest": {"Key": {"id": {"S": key}}}} for key in batch]}
            for pause in _PAUSES:
                time.sleep(pause)
                left = self._deleted(left)
                if not left:
                    break
            else:
                raise UpstreamThrottled("The embedding cache takes fewer deletions than it was asked for.")

    def _deleted(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what DynamoDB left over of the request."""
        try:
            response = within(self._timeout, lambda: self._client.batch_write_item(RequestItems=request))
            return dict(response["UnprocessedItems"])
        except Exception as error:
            raise UpstreamUnavailable("The embedding cache could not be asked to forget.") from error

    def _tried(self, request: "Callable[[], tuple[T, bool]]") -> T | None:
        """Return what the request returns, or None; report it when it failed or did less than all."""
        try:
            result, complete = within(self._timeout, request)
        except Exception:  # noqa: BLE001 - botocore lets any error through for a body it cannot read, and none may pass
            self._on_failure()
            return None
        if not complete:
            self._on_failure()
        return result

    def _read(self, request: Mapping[str, Any]) -> "tuple[dict[str, Vector[float]], bool]":
        response = self._client.batch_get_item(RequestItems=request)
        now = self._clock()
        entries = [_entry(item, now) for item in response["Responses"].get(self._table, [])]
        return dict(entry for entry in entries if entry is not None), not response.get("UnprocessedKeys")

    def _write(self, request: Mapping[str, Any]) -> tuple[None, bool]:
        response = self._client.batch_write_item(RequestItems=request)
        return None, not response.get("UnprocessedItems")


def _entry(item: Mapping[str, Any], now: float) -> "tuple[str, Vector[float]] | None":
    """Return an item's key and vector, or None where it has expired (TTL deletes late) or is corrupt."""
    try:
        vector = vectors.from_bytes(item["vector"]["B"])
        if float(item["expires_at"]["N"]) <= now or not math.isclose(math.hypot(*vector), 1, abs_tol=1e-3):
            return None
        return item["id"]["S"], vector
    except (KeyError, TypeError, ValueError):
        return None


def _batches(items: Sequence[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch
