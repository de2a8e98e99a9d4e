"""The part of OpenAI's API that the local models serve: requests in, response documents out."""

import base64
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import msgspec

from ragctl.local.models.answerer import ExtractiveAnswerer
from ragctl.local.models.embeddings import SIZES, Embeddings, WordLlamaEmbedder
from ragctl.local.models.prompt import Prompt

EMBEDDING_MODELS = {f"wordllama-{dimensions}": dimensions for dimensions in SIZES}
CHAT_MODEL = "extractive"
MAX_INPUTS = 2048

Document = dict[str, Any]


class ApiError(Exception):
    """A refusal in OpenAI's shape."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        kind = "server_error" if status >= 500 else "invalid_request_error"
        self.document: Document = {"error": {"message": message, "type": kind, "param": param, "code": code}}


class EmbeddingsRequest(msgspec.Struct, frozen=True):
    """The body of `POST /v1/embeddings`."""

    model: str
    input: str | list[str]
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None


class Part(msgspec.Struct, frozen=True):
    """A piece of a message's content."""

    type: str
    text: str = ""


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation."""

    role: str
    content: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The content as one string."""
        if isinstance(self.content, list):
            return "\n".join(part.text for part in self.content)
        return self.content or ""


class ChatRequest(msgspec.Struct, frozen=True):
    """The body of `POST /v1/chat/completions`; sampling parameters change nothing, since nothing is sampled."""

    model: str
    messages: list[Message]
    stream: bool | None = None
    n: int | None = None
    max_completion_tokens: int | None = None
    max_tokens: int | None = None


class ModelApi:
    """Answers the requests of an OpenAI client with the local models.

    Its methods return a response document, or raise an `ApiError`. They may be called from several threads.
    """

    def __init__(self) -> None:
        self._embedder = WordLlamaEmbedder()
        self._answerer = ExtractiveAnswerer(self._embedder)

    def health(self) -> Document:
        """Tell that the models are loaded."""
        return {"status": "ok", "models": [*EMBEDDING_MODELS, CHAT_MODEL]}

    def models(self) -> Document:
        """List the models."""
        return {
            "object": "list",
            "data": [
                {"id": name, "object": "model", "created": 0, "owned_by": "local"}
                for name in (*EMBEDDING_MODELS, CHAT_MODEL)
            ],
        }

    def embeddings(self, body: bytes) -> Document:
        """Embed one text or up to 2,048."""
        with _refused_if_malformed():
            request = msgspec.json.decode(body, type=EmbeddingsRequest)
        _known(request.model, *EMBEDDING_MODELS)
        dimensions = EMBEDDING_MODELS[request.model]
        texts = [request.input] if isinstance(request.input, str) else request.input
        if not 1 <= len(texts) <= MAX_INPUTS or not all(texts):
            raise ApiError(400, f"'input' must be 1 to {MAX_INPUTS} strings, none of them empty.", param="input")
        if request.dimensions not in {None, dimensions}:
            raise ApiError(400, f"This model has {dimensions} dimensions and no others.", param="dimensions")
        embedded = self._embedder.embed(texts, dimensions)
        return {
            "object": "list",
            "data": [
                {"object": "embedding", "index": index, "embedding": vector}
                for index, vector in enumerate(_encoded(embedded, request.encoding_format))
            ],
            "model": request.model,
            "usage": {"prompt_tokens": embedded.tokens, "total_tokens": embedded.tokens},
        }

    def chat_completion(self, body: bytes) -> Document:
        """Answer the last user message, which is a composed prompt."""
        with _refused_if_malformed():
            request = msgspec.json.decode(body, type=ChatRequest)
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
        answer = self._answerer.answer(Prompt.parse(asked[-1]))
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


@contextmanager
def _refused_if_malformed() -> Iterator[None]:
    try:
        yield
    except msgspec.ValidationError as error:  # names the field and its type, no value
        raise ApiError(400, f"The request does not fit: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, "The request is not valid JSON.") from error


def _known(model: str, *served: str) -> None:
    if model not in served:
        names = " or ".join(f"'{name}'" for name in served)
        raise ApiError(404, f"The model does not exist here; this is {names}.", param="model", code="model_not_found")


def _encoded(embedded: Embeddings, encoding: str) -> Iterator[str | list[float]]:
    vectors = embedded.vectors.astype("<f4")
    for vector in vectors:
        yield base64.b64encode(vector.tobytes()).decode() if encoding == "base64" else vector.tolist()
