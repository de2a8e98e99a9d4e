"""OpenAI adapter for the ChatModel port: any OpenAI-compatible endpoint for chat completions."""

from typing import Final

import openai
from openai.types.chat import ChatCompletion

from rag.adapters.openai_client import OpenAIEndpoint, token_count
from rag.adapters.secrets import Secret
from rag.errors import MalformedResponse, UpstreamRejected, UpstreamTimedOut
from rag.models import Completion
from rag.ports import Credential
from rag.settings import GenerateSettings

DEADLINE_SECONDS: Final = 18.0
_TEXT_BYTES: Final = 32_768  # a state machine's payload holds 256 KB, and the passages are in it too
_NAME_CHARACTERS: Final = 200


class OpenAIChat:
    """Completes chats with one model. A parameter that is None is not sent, since some models refuse it."""

    def __init__(
        self,
        credential: Credential,
        base_url: str,
        model: str,
        *,
        temperature: float | None = None,
        reasoning_effort: str | None = None,
        max_completion_tokens: int | None = None,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        self._endpoint = OpenAIEndpoint(
            credential,
            base_url,
            "chat",
            deadline_seconds,
            late=UpstreamTimedOut,  # it is paid for, and the caller's time is up: no second one
        )
        self._model = model
        self._parameters = {
            name: value
            for name, value in (
                ("temperature", temperature),
                ("reasoning_effort", reasoning_effort),
                ("max_completion_tokens", max_completion_tokens),
            )
            if value is not None
        }

    def close(self) -> None:
        """Close the connections that are open."""
        self._endpoint.close()

    def complete(self, system: str, user: str) -> Completion:
        """Return the model's answer to one system and one user message.

        Raises:
            UpstreamThrottled, UpstreamUnavailable: worth another attempt by the state machine.
            UpstreamTimedOut, CredentialsRejected, QuotaExhausted, UpstreamRejected, SecretUnavailable: not.
            MalformedResponse: the answer holds no text.
        """
        response = self._endpoint.call(
            lambda client: client.chat.completions.create(
                model=self._model,
                messages=[{"role": "system", "content": system}, {"role": "user", "content": user}],
                extra_body=self._parameters or None,
                store=openai.omit,
            )
        )
        return _completion(response, self._model)


def chat_model(settings: GenerateSettings, deadline_seconds: float = DEADLINE_SECONDS) -> OpenAIChat:
    """Open the chat model that a function's settings name."""
    return OpenAIChat(
        Secret(settings.openai_secret),
        settings.base_url,
        settings.model,
        temperature=settings.temperature,
        reasoning_effort=settings.reasoning_effort,
        max_completion_tokens=settings.max_completion_tokens,
        deadline_seconds=deadline_seconds,
    )


def _completion(response: object, asked: str) -> Completion:
    choices = response.choices if isinstance(response, ChatCompletion) else None
    if not isinstance(response, ChatCompletion) or not isinstance(choices, list) or not choices:
        raise MalformedResponse("The chat endpoint did not answer in the form of the OpenAI API.")
    message = getattr(choices[0], "message", None)
    finish_reason = _name(getattr(choices[0], "finish_reason", None)) or "stop"
    text = getattr(message, "content", None)
    if getattr(message, "refusal", None):
        text, finish_reason = text or "", "content_filter"
    if not isinstance(text, str) or (not text.strip() and finish_reason != "content_filter"):
        if finish_reason == "length":
            raise UpstreamRejected("The model used up MaxCompletionTokens before it wrote anything: raise it.")
        raise MalformedResponse("The chat endpoint returned no text.")
    encoded = text.strip().encode("utf-8", "replace")
    if len(encoded) > _TEXT_BYTES and finish_reason != "content_filter":
        finish_reason = "length"
    usage = getattr(response, "usage", None)
    return Completion(
        text=encoded[:_TEXT_BYTES].decode(errors="ignore"),
        model=_name(getattr(response, "model", None)) or asked,
        prompt_tokens=token_count(usage, "prompt_tokens"),
        completion_tokens=token_count(usage, "completion_tokens"),
        finish_reason=finish_reason,
    )


def _name(value: object) -> str:
    """Return a short text that can be encoded: a lone surrogate would end the process of the function."""
    return value[:_NAME_CHARACTERS].encode("utf-8", "replace").decode() if isinstance(value, str) else ""
