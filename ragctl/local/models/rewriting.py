"""The local stand-in for a model that rewrites questions: puts the last question before a follow-up that needs it."""

import re
from dataclasses import dataclass
from typing import Final

from ragctl.local.models.words import content_words

_PROMPT: Final = re.compile(
    r"<conversation-([0-9a-f]{6,32})>\n(?P<conversation>.*)\n</conversation-\1>\s*"
    r"<question-\1>\n(?P<question>.*)\n</question-\1>\s*Write the question, then (?P<phrasings>\w+) other",
    re.DOTALL,
)
_REFERS_BACK: Final = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|that|this|these|those|there|then|one|ones|same|else)\b"
    r"|^\W*(?:and|but|or|also|so|what about|how about|why)\b",
    re.IGNORECASE,
)
_FEW_WORDS: Final = 2  # a question that says no more goes on from something


@dataclass(frozen=True)
class RewritePrompt:
    """What a rewriting prompt asks for: the question, the one asked before it, and how many phrasings."""

    question: str
    before: str
    phrasings: int

    @classmethod
    def parse(cls, message: str) -> "RewritePrompt | None":
        """Read a user message; None if it is no rewriting prompt."""
        found = _PROMPT.search(message)
        if found is None:
            return None
        asked = [line.removeprefix("user: ") for line in found["conversation"].splitlines() if line.startswith("user:")]
        wanted = found["phrasings"]
        return cls(found["question"].strip(), asked[-1] if asked else "", int(wanted) if wanted.isdecimal() else 0)


def rewritten(prompt: RewritePrompt) -> str:
    """Return the question by itself and then, if a phrasing is asked for, its content words: one per line."""
    question = prompt.question
    said = content_words(question)
    if prompt.before and (len(said) <= _FEW_WORDS or _REFERS_BACK.search(question)):
        question = f"{prompt.before} {question}"
    phrasings = [" ".join(content_words(question).values())] if prompt.phrasings else []
    return "\n".join([" ".join(question.split()), *phrasings])
