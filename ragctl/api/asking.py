"""A question over HTTP, as `rag ask --api` puts it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from rag.contracts import QueryInput
from rag.errors import InvalidRequest
from ragctl.api.client import Client
from ragctl.api.model import Question
from ragctl.failure import Failure


@dataclass(frozen=True)
class Told:
    """An answer as plain objects, and the seconds that it took, the way there and back included."""

    output: Mapping[str, Any]
    seconds: float


def ask(client: Client, request: Mapping[str, Any]) -> Told:
    """Return the answer to a query input without tenant and groups.

    Raises:
        Failure: the input does not fit, or the API refuses or cannot be reached.
    """
    began = time.monotonic()
    answer = client.answer(_question(request))
    return Told(msgspec.to_builtins(answer), time.monotonic() - began)


def _question(request: Mapping[str, Any]) -> Question:
    try:
        QueryInput.parse(request)
    except InvalidRequest as error:
        raise Failure(str(error)) from error
    return msgspec.convert(request, Question)
