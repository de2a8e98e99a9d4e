"""Use case of the generate state: the model's answer, with its citations resolved or its refusal recognised."""

from dataclasses import dataclass

from rag.citations import CitedAnswer, resolve
from rag.composing import prompt_text
from rag.contracts import Answer, Citation, GenerateRequest, Reason, Usage
from rag.models import Completion
from rag.ports import ChatModel
from rag.pricing import cost_usd, total_usd
from rag.refusals import declines


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer, and how many of the model's markers pointed at no passage."""

    answer: Answer
    removed_markers: int


@dataclass(frozen=True, slots=True)
class GenerateResponse:
    """Asks the chat model. `model` and `base_url` are those that the price table knows."""

    chat: ChatModel
    model: str
    base_url: str

    def __call__(self, request: GenerateRequest) -> Generated:
        """Return an answer that rests on citations, or one that admits that there is none.

        Raises:
            TransientError, PermanentError: as the chat model does.
        """
        completion = self.chat.complete(request.prompt.system, request.prompt.user)
        cited = resolve(completion.text, request.prompt)
        text, reason, citations = _verdict(completion, cited)
        answer = Answer(
            answer=text,
            answered=reason is None,
            reason=reason,
            citations=citations,
            query=request.query,
            model=completion.model,
            usage=self._usage(request, completion),
            cached_embedding=request.embedding_usage.cached,
            degraded=[*request.degraded, *(["truncated"] if completion.finish_reason == "length" else [])],
            trace_id=request.trace_id,
        )
        return Generated(answer, cited.removed)

    def _usage(self, request: GenerateRequest, completion: Completion) -> Usage:
        generation = cost_usd(self.model, self.base_url, completion.prompt_tokens, completion.completion_tokens)
        return Usage(
            embedding_tokens=request.embedding_usage.tokens,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            cost_usd=total_usd(request.embedding_usage.cost_usd, generation),
        )


def _verdict(completion: Completion, cited: CitedAnswer) -> tuple[str, Reason | None, list[Citation]]:
    if completion.finish_reason == "content_filter" or declines(completion.text):
        return prompt_text("declined"), "model_declined", []
    if not cited.citations:
        return prompt_text("uncited"), "no_valid_citation", []
    return cited.text, None, cited.citations
