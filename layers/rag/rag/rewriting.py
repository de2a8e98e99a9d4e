"""Use case of the rewrite state: a follow-up as a question by itself, and other ways to put a question."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from rag.cleaning import without_invisible
from rag.composing import prompt_text, prompt_with, random_mark
from rag.contract import Turn
from rag.contracts import RewriteRequest, Rewriting
from rag.errors import MalformedResponse
from rag.ports import ChatModel
from rag.pricing import cost_usd

_TURNS: Final = 6  # the latest ones: what a follow-up refers to was said just before
_TURN_CHARACTERS: Final = 1_000
_LINE_CHARACTERS: Final = 2_000
_LIST_MARK: Final = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)])\s+")
_QUOTES: Final = "\"'“”„«»` "


@dataclass(frozen=True, slots=True)
class RewriteQuestion:
    """Has a chat model rewrite questions. `model` and `base_url` are those that the price table knows."""

    chat: ChatModel
    model: str
    base_url: str
    mark: Callable[[], str] = random_mark

    def __call__(self, request: RewriteRequest) -> Rewriting:
        """Return the question by itself and as many phrasings as were asked for, or fewer where the model gave fewer.

        Raises:
            InvalidRequest: the question or the history is not as it must be; before any call.
            MalformedResponse: the model wrote no question.
            TransientError, PermanentError: as the chat model does.
        """
        asked = request.request
        query = asked.composed_query()
        wanted = 0 if asked.phrasings is msgspec.UNSET else asked.phrasings
        if not asked.history and not wanted:
            return Rewriting(question=query, phrasings=[], prompt_tokens=0, completion_tokens=0, cost_usd=0.0)
        prompt = prompt_with(
            "rewrite_user",
            mark=self.mark(),
            conversation=_conversation(asked.history),
            query=query,
            phrasings=str(wanted or "no"),
        )
        completion = self.chat.complete(prompt_text("rewrite_system"), prompt)
        lines = list(_questions(completion.text))
        if not lines:
            raise MalformedResponse("The chat model wrote no question.")
        question = lines[0] if asked.history else query  # without a history it stands by itself as it is
        return Rewriting(
            question=question,
            phrasings=[line for line in lines if line not in (question, query)][:wanted],
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            cost_usd=cost_usd(self.model, self.base_url, completion.prompt_tokens, completion.completion_tokens),
        )


def _conversation(history: Sequence[Turn]) -> str:
    return "\n".join(f"{turn.role}: {_line(turn.content)}" for turn in history[-_TURNS:])


def _line(content: str) -> str:
    return " ".join(without_invisible(content[:_TURN_CHARACTERS])[0].split())


def _questions(text: str) -> "dict[str, None]":
    """Return the lines that can be searched for, each once and in their order, without list marks and quotes."""
    lines = (
        _LIST_MARK.sub("", line).strip(_QUOTES)[:_LINE_CHARACTERS] for line in without_invisible(text)[0].splitlines()
    )
    return dict.fromkeys(line for line in lines if any(character.isalnum() for character in line))
