"""Use case of the generate state: the model's answer, with its citations resolved or its refusal recognised."""

from dataclasses import dataclass

from rag.bounding import bounded
from rag.citations import CitedAnswer
from rag.composing import prompt_text
from rag.contracts import Answer, Citation, GenerateRequest, Reason, Usage
from rag.models import Completion
from rag.ports import ChatModel
from rag.pricing import cost_usd, total_usd
from rag.refusals import declines


@dataclass(frozen=True, slots=True)
class Generated:
    """An answer, what was taken out of what the model wrote, and what the model call alone cost.

    `removed_markers` pointed at no passage; `removed_links` counts links and markup that no cited passage holds.
    """

    answer: Answer
    removed_markers: int
    removed_links: int
    cost_usd: float | None

    @property
    def counts(self) -> dict[str, float | None]:
        """What the metrics count of it, by name."""
        answer, usage = self.answer, self.answer.usage
        return {
            "answered": int(answer.answered),
            "refused": int(not answer.answered),
            "citations": len(answer.citations),
            "suspicious_citations": sum(citation.suspicious for citation in answer.citations),
            "invalid_citation_markers": self.removed_markers,
            "links_removed": self.removed_links,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "generation_cost_usd": self.cost_usd,
        }


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
        shown = bounded(completion.text, request.prompt)
        text, reason, citations = _verdict(completion, shown.cited)
        cost = cost_usd(self.model, self.base_url, completion.prompt_tokens, completion.completion_tokens)
        answer = Answer(
            answer=text,
            answered=reason is None,
            reason=reason,
            citations=citations,
            query=request.query,
            rewritten_query=request.rewritten_query,
            model=completion.model,
            usage=_usage(request, completion, cost),
            cached_embedding=request.spent.cached_embedding,
            degraded=[
                *request.degraded,
                *(["truncated"] if completion.finish_reason == "length" else []),
                *(["links_removed"] if shown.links_removed and reason is None else []),
            ],
            trace_id=request.trace_id,
        )
        return Generated(answer, shown.cited.removed, shown.links_removed, cost)


def _usage(request: GenerateRequest, completion: Completion, cost: float | None) -> Usage:
    spent = request.spent
    return Usage(
        embedding_tokens=spent.embedding_tokens,
        prompt_tokens=spent.prompt_tokens + completion.prompt_tokens,
        completion_tokens=spent.completion_tokens + completion.completion_tokens,
        cost_usd=total_usd(spent.cost_usd, cost),
    )


def _verdict(completion: Completion, cited: CitedAnswer) -> tuple[str, Reason | None, list[Citation]]:
    if completion.finish_reason == "content_filter" or declines(completion.text):
        return prompt_text("declined"), "model_declined", []
    if not cited.citations:
        return prompt_text("uncited"), "no_valid_citation", []
    return cited.text, None, cited.citations
