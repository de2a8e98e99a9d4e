"""One call of the API: under one total deadline, with the API's refusals as errors."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx
import msgspec

from rag.deadlines import within
from rag.errors import UpstreamUnavailable
from ragctl.api.problems import ApiProblemError, ApiUnreachableError, Problem

_MOST_ATTEMPTS: Final = 3
_WORTH_WAITING: Final = frozenset({429, 503})
_PROBLEM: Final = msgspec.json.Decoder(Problem)
_UNNAMED: Final = "urn:serverless-rag:unknown"


class Transport:
    """Sends requests to one API. `pause` waits so many seconds."""

    def __init__(
        self,
        url: str,
        authentication: httpx.Auth | None,
        timeout_seconds: float,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout_seconds
        self._pause = pause
        self._client = httpx.Client(auth=authentication, follow_redirects=False)

    def call(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> bytes:
        """Return the body of a success.

        Only a `repeatable` call that is told to come again does so, where the deadline of the whole call allows it.

        Raises:
            ApiProblemError: the API refuses, or failed.
            ApiUnreachableError: there was no answer within the deadline, or none that this API would give.
        """
        content = None if body is None else msgspec.json.encode(body)
        sent = {**(headers or {}), **({} if content is None else {"Content-Type": "application/json"})}
        deadline = time.monotonic() + self._timeout
        attempts_left = _MOST_ATTEMPTS if repeatable else 1
        while True:
            request = self._client.build_request(method, self._url + path, content=content, headers=sent)
            answer = self._answer(request, deadline)
            if answer.is_success:
                return answer.content
            refusal = _refusal(answer)
            attempts_left -= 1
            wait = refusal.retry_after if answer.status_code in _WORTH_WAITING else None
            if not attempts_left or wait is None or time.monotonic() + wait >= deadline:
                raise refusal
            self._pause(wait)

    def post_form(self, url: str, fields: Mapping[str, str], name: str, content: bytes) -> None:
        """Send a form with a file to a presigned address, which wants no other authentication.

        Raises:
            ApiUnreachableError: the store refuses, or did not answer within the deadline.
        """
        request = self._client.build_request("POST", url, data=dict(fields), files={"file": (name, content)})
        answer = self._answer(request, time.monotonic() + self._timeout, auth=None)
        if not answer.is_success:
            raise ApiUnreachableError(f"The document store refuses the upload with the status {answer.status_code}.")

    def get(self, url: str) -> bytes:
        """Return what lies at a presigned address, which wants no other authentication.

        Raises:
            ApiUnreachableError: the store refuses, or did not answer within the deadline.
        """
        request = self._client.build_request("GET", url)
        answer = self._answer(request, time.monotonic() + self._timeout, auth=None)
        if not answer.is_success:
            raise ApiUnreachableError(f"The document store refuses the download with the status {answer.status_code}.")
        return answer.content

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _answer(self, request: httpx.Request, deadline: float, **options: Any) -> httpx.Response:
        left = max(deadline - time.monotonic(), 0.001)
        request.extensions["timeout"] = httpx.Timeout(left).as_dict()
        origin = f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"
        try:
            return within(left, lambda: self._client.send(request, **options), service=f"The API at {origin}")
        except (UpstreamUnavailable, httpx.TimeoutException):
            raise ApiUnreachableError(f"The API at {origin} did not answer within {self._timeout:g} s.") from None
        except httpx.HTTPError as error:
            raise ApiUnreachableError(f"The API at {origin} cannot be reached: {error}") from error


def _refusal(answer: httpx.Response) -> ApiProblemError:
    """Return the problem that the API tells, or one that says as much as its status does."""
    try:
        problem = _PROBLEM.decode(answer.content)
    except msgspec.DecodeError:
        title = answer.reason_phrase or "Unknown answer"
        problem = Problem(type=_UNNAMED, title=title, status=answer.status_code, detail="The answer holds no problem.")
    return ApiProblemError(problem, _seconds(answer.headers.get("Retry-After")))


def _seconds(retry_after: str | None) -> float | None:
    """Return the seconds that a Retry-After header asks for, given as such or as a date."""
    if retry_after is None:
        return None
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max((parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError):
        return None
