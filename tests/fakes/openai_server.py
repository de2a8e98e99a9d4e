"""A stand-in for an OpenAI-compatible endpoint: vectors from a hash, chat answers from a script."""

import base64
import hashlib
import struct
from collections import deque
from typing import Any

from tests.fakes.faulty_http import FaultyServer, Request, Response


class OpenAIServer(FaultyServer):
    """Speaks `/v1/embeddings` and `/v1/chat/completions`; `say` queues what the chat model answers."""

    def __init__(self, dimensions: int = 8, keys: tuple[str, ...] = ("sk-good",)) -> None:
        self.dimensions = dimensions
        self.keys = set(keys)
        self.backwards = False  # whether embeddings come last first
        self._script: deque[dict[str, Any]] = deque()
        super().__init__(self._answer)

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1"

    def say(self, text: str | None, finish_reason: str = "stop", **message: Any) -> None:
        self._script.append(
            {"finish_reason": finish_reason, "message": {"role": "assistant", "content": text, **message}}
        )

    def _answer(self, request: Request) -> Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") not in self.keys:
            return _error(401, "invalid_api_key", "Incorrect API key provided: sk-leak.")
        if request.path == "/v1/embeddings":
            return self._embeddings(request.json())
        if request.path == "/v1/chat/completions":
            return self._completion(request.json())
        return _error(404, "unknown_url", "no such path")

    def _embeddings(self, body: dict[str, Any]) -> Response:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        data = [
            {"object": "embedding", "index": index, "embedding": self._vector(text, body.get("encoding_format"))}
            for index, text in enumerate(texts)
        ]
        if self.backwards:
            data.reverse()
        tokens = sum(len(text.split()) for text in texts)
        usage = {"prompt_tokens": tokens, "total_tokens": tokens}
        return Response.of_json({"object": "list", "data": data, "model": body["model"], "usage": usage})

    def _vector(self, text: str, encoding: str | None) -> Any:
        digest = hashlib.sha512(text.encode()).digest()
        numbers = [byte / 255 - 0.5 for byte in (digest * (self.dimensions // 64 + 1))[: self.dimensions]]
        packed = struct.pack(f"<{self.dimensions}f", *numbers)
        return base64.b64encode(packed).decode() if encoding == "base64" else numbers

    def _completion(self, body: dict[str, Any]) -> Response:
        said: dict[str, Any] = {"finish_reason": "stop", "message": {"role": "assistant", "content": "Yes [1]."}}
        if self._script:
            said = self._script.popleft()
        choice = {"index": 0, **said}
        usage = {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110}
        return Response.of_json(
            {
                "id": "c",
                "object": "chat.completion",
                "created": 1,
                "model": body["model"],
                "choices": [choice],
                "usage": usage,
            }
        )


def _error(status: int, code: str, message: str) -> Response:
    return Response.of_json({"error": {"message": message, "type": "error", "param": None, "code": code}}, status)
