"""Pinecone adapter for the Reranker port: the reranking models that Pinecone hosts."""

import logging
from collections.abc import Sequence
from threading import Lock
from typing import Any, Final

from pinecone import Pinecone, RetryConfig
from pinecone.errors.exceptions import NotFoundError, PineconeError

from rag.adapters.judgements import RERANKER, in_order
from rag.adapters.pinecone_errors import translated_errors
from rag.adapters.renewal import renewing
from rag.errors import SecretUnavailable, UpstreamRejected
from rag.ports import Credential

_CONTROL_PLANE: Final = "https://api.pinecone.io"


class PineconeReranker:
    """Judges passages with one hosted model. Each call has `deadline_seconds` in all, and one attempt."""

    def __init__(
        self, credential: Credential, model: str, deadline_seconds: float, base_url: str = _CONTROL_PLANE
    ) -> None:
        self._credential = credential
        self._model = model
        self._deadline = deadline_seconds
        self._base_url = base_url
        self._opening = Lock()
        self._opened: tuple[str, Pinecone] | None = None

    def rerank(self, query: str, passages: Sequence[str]) -> list[float]:
        """Return one relevance per passage, 0 to 1, in the order given.

        Raises:
            UpstreamThrottled, UpstreamUnavailable: it failed or was late.
            CredentialsRejected, QuotaExhausted, UpstreamRejected, SecretUnavailable: it refuses.
            MalformedResponse: the answer is not one finite number per passage.
        """

        def attempt(key: str) -> list[float]:
            client = self._client_for(key)
            with translated_errors():
                return self._judged(client, query, passages)

        return renewing(self._credential, attempt, self._deadline, service=RERANKER)

    def close(self) -> None:
        """Close the connections that are open."""
        with self._opening:
            if self._opened is not None:
                self._opened[1].close()
                self._opened = None

    def _judged(self, client: Pinecone, query: str, passages: Sequence[str]) -> list[float]:
        try:
            result = client.inference.rerank(
                model=self._model,
                query=query,
                documents=list(passages),
                top_n=len(passages),
                return_documents=False,
                parameters=_parameters(self._model),
            )
        except NotFoundError as error:
            raise UpstreamRejected(f"Pinecone hosts no reranking model {self._model}: check RerankModel.") from error
        return in_order(((judged.index, judged.score) for judged in result.data), len(passages))

    def _client_for(self, key: str) -> Pinecone:
        with self._opening:
            if self._opened is None or self._opened[0] != key:
                client = self._connected(key)
                if self._opened is not None:
                    self._opened[1].close()
                self._opened = (key, client)
            return self._opened[1]

    def _connected(self, key: str) -> Pinecone:
        # At DEBUG the client can be made to log whole bodies, and with them questions and passages.
        logging.getLogger("pinecone").setLevel(logging.WARNING)
        try:
            return Pinecone(
                key,
                host=self._base_url,
                timeout=self._deadline + 1,  # the deadline decides
                retry_config=RetryConfig(max_retries=0),
            )
        except PineconeError as error:
            raise SecretUnavailable("The Pinecone API key is malformed.") from error


def _parameters(model: str) -> dict[str, Any] | None:
    """Return what has a text that is too long cut off, not refused; Cohere's models do so by themselves."""
    return None if model.startswith("cohere-") else {"truncate": "END"}
