"""Citations: the `[n]` markers of an answer, resolved to the sentences of the passages that they rest on."""

import re
from dataclasses import dataclass
from typing import Final

from rag.contracts import Citation, Prompt, PromptSource
from rag.sentences import sentence_spans

MAX_QUOTE_CHARACTERS: Final = 600

_MARKER: Final = re.compile(r"[ \t]*[\[【]\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\]】]")
_WORD: Final = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """An answer whose every marker points at a passage. `removed` counts the markers that did not."""

    text: str
    citations: list[Citation]
    removed: int


def resolve(answer: str, prompt: Prompt) -> CitedAnswer:
    """Return the answer with its valid markers as `[n]`, each resolved to one citation, in the order of appearance."""
    sources = {source.n: source for source in prompt.sources}
    statements: dict[int, str] = {}
    removed = 0
    pieces: list[str] = []
    position = 0
    statement = ""
    for marker in _MARKER.finditer(answer):
        between = answer[position : marker.start()]
        pieces.append(between)
        statement = _last_statement(between) or statement  # "[1][2]": the second marker has the first one's statement
        numbers = [int(number) for number in re.findall(r"\d+", marker[1])]
        valid = [number for number in numbers if number in sources]
        removed += len(numbers) - len(valid)
        for number in valid:
            statements.setdefault(number, statement)
        if valid:
            space = " " if between and not between[-1].isspace() else ""
            pieces.append(space + "".join(f"[{number}]" for number in valid))
        position = marker.end()
    pieces.append(answer[position:])
    citations = [_citation(sources[n], prompt, statement) for n, statement in statements.items()]
    return CitedAnswer(_tidied("".join(pieces)), citations, removed)


def _last_statement(text: str) -> str:
    spans = list(sentence_spans(text))
    return text[slice(*spans[-1])] if spans else ""


def _tidied(answer: str) -> str:
    answer = re.sub(r"\](?:\s+)\[(?=\d)", "][", answer)
    return re.sub(r"[ \t]+(?=[.,;:!?](?:\s|$))", "", answer).strip()


def _citation(source: PromptSource, prompt: Prompt, statement: str) -> Citation:
    text = prompt.user[source.text_start : source.text_end]
    start, end = _quote(text, statement)
    return Citation(
        n=source.n,
        document_id=source.document_id,
        chunk_id=source.chunk_id,
        title=source.title,
        source=source.source,
        page=source.page,
        start=source.start + start,
        end=source.start + end,
        quote=text[start:end],
        score=source.score,
    )


def _quote(text: str, statement: str) -> tuple[int, int]:
    """Return where the passage says it: the statement itself, or the sentence that shares most words with it."""
    literal = statement.strip(" .")
    if literal and (at := text.find(literal)) >= 0:
        end = at + len(literal)
        if text[end : end + 1] == ".":
            end += 1
        return at, min(end, at + MAX_QUOTE_CHARACTERS)
    spans = list(sentence_spans(text)) or [(0, len(text))]
    wanted = _words(statement)
    start, end = max(spans, key=lambda span: _overlap(wanted, _words(text[slice(*span)])))
    return start, min(end, start + MAX_QUOTE_CHARACTERS)


def _overlap(wanted: set[str], offered: set[str]) -> float:
    """Return the words in common, weighed against the length of what is offered (Ochiai's coefficient)."""
    return len(wanted & offered) / (len(wanted) * len(offered)) ** 0.5 if wanted and offered else 0.0


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}
