"""Citations: the `[n]` markers of an answer, resolved to the sentences of the passages that they rest on."""

import re
from dataclasses import dataclass
from typing import Final

from rag.contracts import Citation, Prompt, PromptSource
from rag.sentences import sentences

MAX_QUOTE_CHARACTERS: Final = 600

_MARKER: Final = re.compile(r"[ \t]*[\[【]\s*(\d{1,3}(?:\s*[,;]\s*\d{1,3})*)\s*[\]】]")
_WORD: Final = re.compile(r"\w+")
_PUNCTUATION: Final = " \t\n.,;:"


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
        statement = (
            between.strip(_PUNCTUATION) or statement
        )  # "[1][2]": the second marker has the first one's statement
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
    """Return where the passage says it: the statement itself, or the sentence that shares most words with its end."""
    said = sentences(statement)
    last = said[-1].text if said else statement
    for literal in (statement, last):
        if place := _verbatim(text, literal):
            return place
    spans = [(part.start, part.start + len(part.text)) for part in sentences(text)] or [(0, len(text))]
    wanted = _words(last)
    start, end = max(spans, key=lambda span: _overlap(wanted, _words(text[slice(*span)])))
    return start, min(end, start + MAX_QUOTE_CHARACTERS)


def _verbatim(text: str, literal: str) -> tuple[int, int] | None:
    """Return where the literal stands in the text, whatever the white space between its words."""
    words = literal.strip(_PUNCTUATION).split()
    found = re.search(r"\s+".join(map(re.escape, words)) + r"\.?", text) if words else None
    return (found.start(), min(found.end(), found.start() + MAX_QUOTE_CHARACTERS)) if found else None


def _overlap(wanted: set[str], offered: set[str]) -> float:
    """Return the words in common, weighed against the length of what is offered (Ochiai's coefficient)."""
    return len(wanted & offered) / (len(wanted) * len(offered)) ** 0.5 if wanted and offered else 0.0


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}
