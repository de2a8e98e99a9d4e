"""A table: each request under a total deadline and one attempt, with AWS's errors as ours."""

import random
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeVar

import boto3
from botocore.config import Config

from rag.adapters.aws_errors import aws_errors
from rag.deadlines import within

QUERY_TIMEOUT_SECONDS: Final = 2.0
INGESTION_TIMEOUT_SECONDS: Final = 10.0
SIDE_BY_SIDE: Final = 8  # requests; boto3 keeps ten connections

_REGISTRY: Final = "The document registry"
_ACCESS: Final = "dynamodb:BatchGetItem, GetItem, PutItem and Query on the table and its index"
_FIRST_PAUSE_SECONDS: Final = 0.025

T = TypeVar("T")
Pause = Callable[[float], None]


class Table:
    """Requests to one table, the registry's unless it is `described` otherwise, with the `access` that they take."""

    def __init__(
        self,
        name: str,
        *,
        timeout_seconds: float,
        client: Any = None,
        pause: Pause = time.sleep,
        described: str = _REGISTRY,
        access: str = _ACCESS,
    ) -> None:
        self.name = name
        self._described = described
        self._access = access
        self._timeout = timeout_seconds
        self._pause = pause
        self._client: Any = client or boto3.client(
            "dynamodb",
            config=Config(
                connect_timeout=timeout_seconds, read_timeout=timeout_seconds, retries={"total_max_attempts": 1}
            ),
        )

    def ask(self, operation: str, **request: Any) -> Any:
        """Return the answer to one operation, such as `get_item`, on this table."""
        return self.within_time(partial(self.call, operation, TableName=self.name, **request))

    def call(self, operation: str, **request: Any) -> Any:
        """Return the answer to one operation without a deadline, or raise what boto3 raises."""
        return getattr(self._client, operation)(**request)

    def within_time(self, requests: Callable[[], T]) -> T:
        """Return what the requests return, unless they take too long.

        Raises:
            UpstreamThrottled, UpstreamUnavailable: worth another attempt.
            PermanentError: the table is missing, the role may not do this, or the answer is none.
        """
        with aws_errors(self._described, forbidden=self._access):
            return within(self._timeout, requests, service=self._described)

    def back_off(self, attempt: int) -> None:
        """Wait before the next attempt, counted from 0: twice as long each time, give or take half."""
        self._pause(_FIRST_PAUSE_SECONDS * 2**attempt * random.uniform(0.5, 1.5))  # noqa: S311 - spreads, hides nothing
