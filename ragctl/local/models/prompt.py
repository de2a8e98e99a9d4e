"""Reads a composed prompt back into the question and its numbered passages."""

import re
from dataclasses import dataclass
from html import unescape

_END = re.compile(r"</question-([0-9a-f]{6,32})>")


@dataclass(frozen=True)
class Passage:
    """A retrieved passage as the prompt presents it."""

    n: int
    title: str
    source: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """What the user message asks, and the passages it may be answered from."""

    question: str
    passages: tuple[Passage, ...] = ()

    @classmethod
    def parse(cls, message: str) -> "Prompt":
        """Read a user message; one without the tags is a question without passages.

        The tags carry a random suffix that no passage can know. It is taken from the last closing tag, which is the
        composer's own: passages and question both end before it, so whatever tags they imitate are text.
        """
        endings = list(_END.finditer(message))
        if not endings:
            return cls(message.strip())
        end, suffix = endings[-1], endings[-1][1]
        opening = f"<question-{suffix}>"
        question_at = message.find(opening)
        if question_at < 0:
            return cls(message.strip())
        question = message[question_at + len(opening) : end.start()].strip()
        passage = re.compile(
            rf'<passage-{suffix} n="(\d+)" title="([^"\n]*)" source="([^"\n]*)">\n(.*?)\n?</passage-{suffix}>',
            re.DOTALL,
        )
        return cls(
            question,
            tuple(
                Passage(int(n), unescape(title), unescape(source), text)
                for n, title, source, text in passage.findall(message, 0, question_at)
            ),
        )
