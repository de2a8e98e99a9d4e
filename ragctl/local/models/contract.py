"""What the local models understand of OpenAI's and Cohere's APIs: the bodies of requests, and refusals."""

from typing import Any, Literal, TypeVar

import msgspec

T = TypeVar("T")

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


class RerankRequest(msgspec.Struct, frozen=True):
    """The body of `POST /v1/rerank`, as Cohere's API has it."""

    model: str
    query: str
    documents: list[str]
    top_n: int | None = None


def decoded(body: bytes, kind: type[T]) -> T:
    """Return the request that a body holds.

    Raises:
        ApiError: it holds none of this kind.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:  # names the field and its type, no value
        raise ApiError(400, f"The request does not fit: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ApiError(400, "The request is not valid JSON.") from error
