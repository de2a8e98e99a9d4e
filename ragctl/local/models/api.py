"""The parts of OpenAI's and Cohere's APIs that the local models serve: requests in, response documents out."""

import base64
import time
import uuid
from collections.abc import Iterator, Sequence
from threading import Lock

from ragctl.local.embedders import EMBEDDING_MODELS, MINILM
from ragctl.local.models.answerer import ExtractiveAnswerer
from ragctl.local.models.contract import (
    ApiError,
    ChatRequest,
    Document,
    EmbeddingsRequest,
    RerankRequest,
    decoded,
)
from ragctl.local.models.embeddings import Embeddings, WordLlamaEmbedder
from ragctl.local.models.minilm import BusyError, MiniLmEmbedder
from ragctl.local.models.prompt import Prompt
from ragctl.local.models.reranking import RERANK_MODEL, ExtractiveReranker
from ragctl.local.models.rewriting import RewritePrompt, rewritten

CHAT_MODEL = "extractive"
MAX_INPUTS = 2048
MAX_DOCUMENTS = 1000


class ModelApi:
    """Answers the requests of an OpenAI client, and of one that reranks, with the local models.

    Its methods return a response document, or raise an `ApiError`. They may be called from several threads.
    """

    def __init__(self) -> None:
        self._embedder = WordLlamaEmbedder()
        self._answerer = ExtractiveAnswerer(self._embedder)
        self._reranker = ExtractiveReranker(self._embedder)
        self._minilm: MiniLmEmbedder | None = None
        self._loading = Lock()

    def load(self, model: str) -> None:
        """Load a model now, which otherwise the first request does that names it.

        Raises:
            ApiError: it cannot be loaded.
        """
        if model == MINILM.model:
            self._loaded_minilm()

    def health(self) -> Document:
        """Tell that the models are loaded."""
        return {"status": "ok", "models": [*_served(), CHAT_MODEL, RERANK_MODEL]}

    def models(self) -> Document:
        """List the models."""
        return {
            "object": "list",
            "data": [
                {"id": name, "object": "model", "created": 0, "owned_by": "local"}
                for name in (*_served(), CHAT_MODEL, RERANK_MODEL)
            ],
        }

    def embeddings(self, body: bytes) -> Document:
        """Embed one text or up to 2,048."""
        request = decoded(body, EmbeddingsRequest)
        _known(request.model, *_served())
        dimensions = EMBEDDING_MODELS[request.model].dimensions
        texts = [request.input] if isinstance(request.input, str) else request.input
        if not 1 <= len(texts) <= MAX_INPUTS or not all(texts):
            raise ApiError(400, f"'input' must be 1 to {MAX_INPUTS} strings, none of them empty.", param="input")
        if request.dimensions not in {None, dimensions}:
            raise ApiError(400, f"This model has {dimensions} dimensions and no others.", param="dimensions")
        embedded = self._embedded(request.model, texts)
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(_encoded(embedded, request.encoding_format))
            ],
            "model": request.model,
            "usage": {"prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens},
        }

    def _embedded(self, model: str, texts: Sequence[str]) -> Embeddings:
        if model != MINILM.model:
            return self._embedder.embed(texts, EMBEDDING_MODELS[model].dimensions)
        try:
            return self._loaded_minilm().embed(texts)
        except BusyError as error:
            reason = "More was asked for than can be embedded in time: ask again."
            raise ApiError(429, reason, code="rate_limit_exceeded") from error

    def _loaded_minilm(self) -> MiniLmEmbedder:
        with self._loading:
            if self._minilm is None:
                try:
                    self._minilm = MiniLmEmbedder()
                except (ImportError, OSError) as error:
                    raise ApiError(500, f"{MINILM.model} cannot be loaded: {error}") from error
            return self._minilm

    def chat_completion(self, body: bytes) -> Document:
        """Answer the last user message, which is a composed prompt or asks for a question to be rewritten."""
        request = decoded(body, ChatRequest)
        _known(request.model, CHAT_MODEL)
        if request.stream:
            raise ApiError(400, "This model does not stream.", param="stream", code="unsupported_value")
        if request.n not in {None, 1}:
            raise ApiError(400, "This model gives one choice.", param="n", code="unsupported_value")
        limit = request.max_completion_tokens or request.max_tokens
        if limit is not None and limit < 1:
            raise ApiError(400, "A limit must be at least 1 token.", param="max_completion_tokens")
        asked = [message.text for message in request.messages if message.role == "user"]
        if not asked:
            raise ApiError(400, "'messages' must hold a user message.", param="messages")
        rewriting = RewritePrompt.parse(asked[-1])
        answer = rewritten(rewriting) if rewriting else self._answerer.answer(Prompt.parse(asked[-1]))
        given = self._embedder.truncated(answer, limit) if limit else answer
        used, made = self._embedder.count(*(message.text for message in request.messages)), self._embedder.count(given)
        return {
            "id": f"chatcmpl-{uuid.uuid4().hex}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": CHAT_MODEL,
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": given, "refusal": None},
                    "logprobs": None,
                    "finish_reason": "stop" if given == answer else "length",
                }
            ],
            "usage": {"prompt_tokens": used, "completion_tokens": made, "total_tokens": used + made},
        }

    def rerank(self, body: bytes) -> Document:
        """Judge up to 1,000 documents against a query, and list the best first."""
        request = decoded(body, RerankRequest)
        _known(request.model, RERANK_MODEL)
        if not request.query.strip():
            raise ApiError(400, "'query' must not be blank.", param="query")
        if not 1 <= len(request.documents) <= MAX_DOCUMENTS:
            raise ApiError(400, f"'documents' must be 1 to {MAX_DOCUMENTS} strings.", param="documents")
        if request.top_n is not None and request.top_n < 1:
            raise ApiError(400, "'top_n' must be at least 1.", param="top_n")
        relevance = self._reranker.relevance(request.query, request.documents)
        best_first = sorted(range(len(relevance)), key=lambda index: -relevance[index])
        return {
            "id": f"rerank-{uuid.uuid4().hex}",
            "model": RERANK_MODEL,
            "results": [{"index": index, "relevance_score": relevance[index]} for index in best_first[: request.top_n]],
        }


def _served() -> list[str]:
    """Return the embedding models that are installed."""
    return [name for name, embedder in EMBEDDING_MODELS.items() if embedder.is_installed]


def _known(model: str, *served: str) -> None:
    if model not in served:
        names = " or ".join(f"'{name}'" for name in served)
        raise ApiError(404, f"The model does not exist here; this is {names}.", param="model", code="model_not_found")


def _encoded(embedded: Embeddings, encoding: str) -> Iterator[str | list[float]]:
    vectors = embedded.vectors.astype("<f4")
    for vector in vectors:
        yield base64.b64encode(vector.tobytes()).decode() if encoding == "base64" else vector.tolist()
