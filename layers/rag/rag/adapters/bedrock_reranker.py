"""Bedrock adapter for the Reranker port: the reranking models of Cohere and Amazon, invoked in the function's region.

`InvokeModel` is used and not `Rerank`, since IAM can bind the one to a model and not the other.
"""

from collections.abc import Sequence
from typing import Any, Final

import boto3
import msgspec
from botocore.config import Config

from rag.adapters.aws_errors import aws_errors
from rag.adapters.judgements import NO_JUDGEMENTS, in_order
from rag.deadlines import within
from rag.errors import MalformedResponse

_MODEL: Final = "The reranking model on Bedrock"
_ACCESS: Final = "bedrock:InvokeModel on the model, and the account access to it in this region"
_COHERE_API_VERSION: Final = 2


class _Result(msgspec.Struct, frozen=True):
    index: int
    relevance_score: float


class _Answer(msgspec.Struct, frozen=True):
    results: list[_Result]


class BedrockReranker:
    """Judges passages with one model. Each call has `deadline_seconds` in all, and one attempt."""

    def __init__(self, model: str, deadline_seconds: float, client: Any = None) -> None:
        self._model = model
        self._deadline = deadline_seconds
        socket_seconds = deadline_seconds + 1  # the deadline decides
        self._client: Any = client or boto3.client(
            "bedrock-runtime",
            config=Config(
                connect_timeout=socket_seconds, read_timeout=socket_seconds, retries={"total_max_attempts": 1}
            ),
        )

    def rerank(self, query: str, passages: Sequence[str]) -> list[float]:
        """Return one relevance per passage, 0 to 1, in the order given.

        Raises:
            UpstreamThrottled, UpstreamUnavailable: it failed or was late.
            UpstreamRejected: it refuses.
            MalformedResponse: the answer is not one finite number per passage.
        """
        request: dict[str, Any] = {"query": query, "documents": passages, "top_n": len(passages)}
        if self._model.startswith("cohere."):
            request["api_version"] = _COHERE_API_VERSION
        body = msgspec.json.encode(request)
        with aws_errors(_MODEL, forbidden=_ACCESS):
            answer = within(self._deadline, lambda: self._invoked(body), service=_MODEL)
        try:
            results = msgspec.json.decode(answer, type=_Answer).results
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedResponse(NO_JUDGEMENTS) from error
        return in_order(((result.index, result.relevance_score) for result in results), len(passages))

    def _invoked(self, body: bytes) -> bytes:
        response = self._client.invoke_model(
            modelId=self._model, body=body, contentType="application/json", accept="application/json"
        )
        with response["body"] as stream:
            content: bytes = stream.read()
        return content
