"""HTTP adapter for the Reranker port: endpoints in the form of Cohere's API, and Text Embeddings Inference's own form.

The HTTP client is urllib3, which boto3 has loaded already wherever this runs: another would cost a cold start.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import InvalidURL
from typing import Any, Final

import msgspec
from urllib3 import PoolManager, Timeout
from urllib3.exceptions import DecodeError, HTTPError, LocationValueError, SSLError

from rag import errors
from rag.adapters.judgements import NO_JUDGEMENTS, RERANKER, in_order
from rag.adapters.renewal import renewing
from rag.ports import Credential

_INVALID_TOKEN: Final = 498  # Cohere's own status
_CONNECTIONS: Final = 8  # as many as a batch reranks side by side


class _CohereResult(msgspec.Struct, frozen=True):
    index: int
    relevance_score: float


class _CohereAnswer(msgspec.Struct, frozen=True):
    results: list[_CohereResult]


class _TeiResult(msgspec.Struct, frozen=True):
    index: int
    score: float


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a kind of endpoint is asked at `/rerank` below its base URL, and what its answer says."""

    request: Callable[[str, str, Sequence[str]], dict[str, Any]]  # of model, query and passages
    judgements: Callable[[bytes], Iterator[tuple[int, float]]]


def _cohere_request(model: str, query: str, passages: Sequence[str]) -> dict[str, Any]:
    return {"model": model, "query": query, "documents": passages, "top_n": len(passages)}


def _cohere_judgements(body: bytes) -> Iterator[tuple[int, float]]:
    for result in msgspec.json.decode(body, type=_CohereAnswer).results:
        yield result.index, result.relevance_score


def _tei_request(_: str, query: str, passages: Sequence[str]) -> dict[str, Any]:
    return {"query": query, "texts": passages, "truncate": True}  # it serves one model, and refuses what is too long


def _tei_judgements(body: bytes) -> Iterator[tuple[int, float]]:
    for result in msgspec.json.decode(body, type=list[_TeiResult]):
        yield result.index, result.score


COHERE: Final = Dialect(_cohere_request, _cohere_judgements)  # Cohere, Jina, vLLM and others
TEI: Final = Dialect(_tei_request, _tei_judgements)


class CohereReranker:
    """Judges passages with one model of an endpoint. Each call has `deadline_seconds` in all, and one attempt."""

    def __init__(
        self,
        credential: Credential,
        base_url: str,
        model: str,
        deadline_seconds: float,
        dialect: Dialect = COHERE,
    ) -> None:
        self._credential = credential
        self._address = f"{base_url.rstrip('/')}/rerank"
        self._model = model
        self._deadline = deadline_seconds
        self._dialect = dialect
        # Its own timeout is there to end abandoned calls; the deadline passes first, and decides the error.
        self._pool = PoolManager(maxsize=_CONNECTIONS, timeout=Timeout(deadline_seconds + 1))

    def rerank(self, query: str, passages: Sequence[str]) -> list[float]:
        """Return one relevance per passage, in the order given; the scale is the model's own.

        Raises:
            UpstreamThrottled, UpstreamUnavailable: it failed or was late.
            CredentialsRejected, QuotaExhausted, UpstreamRejected, SecretUnavailable: it refuses.
            MalformedResponse: the answer is not one finite number per passage.
        """
        body = msgspec.json.encode(self._dialect.request(self._model, query, passages))
        answer = renewing(self._credential, lambda key: self._answer(key, body), self._deadline, service=RERANKER)
        try:
            return in_order(self._dialect.judgements(answer), len(passages))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise errors.MalformedResponse(NO_JUDGEMENTS) from error

    def close(self) -> None:
        """Close the connections that are open."""
        self._pool.clear()

    def _answer(self, key: str, body: bytes) -> bytes:
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Accept": "application/json"}
        try:
            response = self._pool.request("POST", self._address, body=body, headers=headers, retries=False)
        except (HTTPError, OSError, InvalidURL, UnicodeError) as error:
            raise translated(error) from error
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(response.status)
        return response.data


def translated(error: Exception) -> errors.RagError:
    """Return our error for one that the HTTP client raised: no answer arrived, or one that cannot be read."""
    if isinstance(error, LocationValueError | InvalidURL | UnicodeError):
        return errors.UpstreamRejected(f"{RERANKER}'s address is malformed: check RerankBaseUrl.")
    if isinstance(error, DecodeError):
        return errors.MalformedResponse(f"{RERANKER}'s answer could not be decompressed.")
    if isinstance(error, SSLError):
        return errors.UpstreamUnavailable(f"{RERANKER}'s certificate is not trusted, or it speaks no TLS.")
    return errors.UpstreamUnavailable(f"{RERANKER} could not be reached, or broke off.")


def refusal(status: int) -> errors.RagError:
    """Return our error for an HTTP status that is no success; the upstream's own words stay out."""
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, _INVALID_TOKEN}:
        return errors.CredentialsRejected(f"{RERANKER} does not accept the key in its secret (HTTP {status}).")
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return errors.QuotaExhausted(f"{RERANKER}'s account is out of credit (HTTP {status}).")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return errors.UpstreamThrottled(f"{RERANKER} asked for fewer requests (HTTP {status}).")
    if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return errors.UpstreamUnavailable(f"{RERANKER} failed on its side (HTTP {status}).")
    return errors.UpstreamRejected(
        f"{RERANKER} refused the request (HTTP {status}): check RerankBaseUrl, RerankModel and RerankDepth."
    )
