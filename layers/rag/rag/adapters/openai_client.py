"""The OpenAI client as both adapters use it: one seam for its errors, one deadline, one more attempt with a new key."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

import httpx2
import openai
from openai import OpenAI

from rag import errors
from rag.adapters.renewal import renewing
from rag.ports import Credential

T = TypeVar("T")

# Looked up along the class's ancestors, so that the nearest entry wins.
TRANSLATION: Final[dict[type[Exception], type[errors.RagError]]] = {
    openai.AuthenticationError: errors.CredentialsRejected,
    openai.PermissionDeniedError: errors.CredentialsRejected,
    openai.RateLimitError: errors.UpstreamThrottled,  # insufficient_quota is split off first: it is permanent
    openai.ConflictError: errors.UpstreamUnavailable,
    openai.InternalServerError: errors.UpstreamUnavailable,
    openai.APIConnectionError: errors.UpstreamUnavailable,  # timeouts included
    openai.APIResponseValidationError: errors.MalformedResponse,
    openai.APIStatusError: errors.UpstreamRejected,
    openai.OpenAIError: errors.UpstreamRejected,
    json.JSONDecodeError: errors.MalformedResponse,  # a body that is no JSON, with status 200
    UnicodeDecodeError: errors.MalformedResponse,
    RecursionError: errors.MalformedResponse,  # JSON of absurd depth
    httpx2.InvalidURL: errors.UpstreamRejected,
}

_REQUEST_TIMEOUT: Final = 408
_MOST_TOKENS: Final = 2**53  # beyond this a count is nonsense, and no JSON number for everyone


class OpenAIEndpoint:
    """One OpenAI-compatible endpoint, called under a total deadline and without retries of its own.

    The deadline covers reading the key and the attempt with a new one. `late` is the error raised when it has passed.
    """

    def __init__(
        self,
        credential: Credential,
        base_url: str,
        purpose: str,
        deadline_seconds: float,
        *,
        late: type[errors.RagError] = errors.UpstreamUnavailable,
    ) -> None:
        self.base_url = base_url
        self._credential = credential
        self._purpose = purpose
        self._deadline = deadline_seconds
        self._late = late
        self._client: tuple[str, OpenAI] | None = None

    def call(self, request: Callable[[OpenAI], T]) -> T:
        """Return what `request` returns for a client with the current key; a refused key is read again once.

        Raises:
            RagError: the translation of whatever the client raised, or the deadline.
        """
        return renewing(
            self._credential,
            lambda key: self._attempt(request, key),
            self._deadline,
            service=f"The {self._purpose} endpoint",
            late=self._late,
        )

    def _attempt(self, request: Callable[[OpenAI], T], key: str) -> T:
        with self._translated():
            return request(self._client_for(key))

    def close(self) -> None:
        """Close the connections that are open; the next call would make another."""
        client, self._client = self._client, None
        if client is not None:
            client[1].close()

    def _client_for(self, key: str) -> OpenAI:
        held = self._client  # read once: an abandoned call may still replace it
        if held is None or held[0] != key:
            # Its own timeout is there to end abandoned calls; the deadline must pass first, and decide the error.
            client = OpenAI(api_key=key, base_url=self.base_url, max_retries=0, timeout=self._deadline + 1)
            if held is not None:
                held[1].close()
            held = self._client = (key, client)
        return held[1]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (openai.OpenAIError, httpx2.InvalidURL, RecursionError, ValueError) as error:
            raise translated(error, self._purpose) from error


def translated(error: Exception, purpose: str) -> errors.RagError:
    """Return our error for one of the client's. `purpose` names the endpoint; the upstream's own words stay out."""
    status = getattr(error, "status_code", None)
    if isinstance(error, httpx2.InvalidURL) or isinstance(error.__cause__, httpx2.UnsupportedProtocol):
        return errors.UpstreamRejected(f"The {purpose} endpoint's address is malformed: check the base URL.")
    if isinstance(error, openai.RateLimitError) and error.code == "insufficient_quota":
        return errors.QuotaExhausted(f"The account of the {purpose} endpoint is out of credit.")
    if status == _REQUEST_TIMEOUT:
        return errors.UpstreamUnavailable(f"The {purpose} endpoint timed out.")
    target = next((TRANSLATION[kind] for kind in type(error).__mro__ if kind in TRANSLATION), errors.MalformedResponse)
    return target(_MESSAGES[target].format(purpose=purpose, status=f" (HTTP {status})" if status else ""))


_MESSAGES: Final[dict[type[errors.RagError], str]] = {
    errors.CredentialsRejected: "The {purpose} endpoint does not accept the key in its secret{status}.",
    errors.UpstreamThrottled: "The {purpose} endpoint asked for fewer requests{status}.",
    errors.UpstreamUnavailable: "The {purpose} endpoint is not available{status}.",
    errors.UpstreamRejected: "The {purpose} endpoint refused the request{status}: check the model and its parameters.",
    errors.MalformedResponse: "The {purpose} endpoint did not answer in the form of the OpenAI API{status}.",
}


def token_count(usage: object, name: str) -> int:
    """Return a count that a response's usage holds, or 0 where there is none: some compatible servers count nothing."""
    tokens = getattr(usage, name, None)
    return tokens if type(tokens) is int and 0 <= tokens <= _MOST_TOKENS else 0
