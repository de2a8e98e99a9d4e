"""Citations: the `[n]` markers of an answer, resolved to the sentences of the passages that they rest on."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from rag.contracts import Citation, Prompt, PromptSource
from rag.sentences import sentences

MAX_QUOTE_CHARACTERS: Final = 600
_MAX_CLAIM_CHARACTERS: Final = 2000
_MAX_LITERAL_WORDS: Final = 60
_TELLING_WORDS: Final = 4  # a shorter hit, such as "30", says nothing without its sentence
_MAX_RANGE: Final = 20
_MAX_DIGITS: Final = 6

# Possessive throughout: what has been read is never given back, so that no text takes more than linear time.
# U+FF3B and U+FF3D are the full-width square brackets.
_LABEL: Final = r"(?:\^|(?:passages?|sources?|documents?)\b\s*+:?)?+\s*+"
_ITEM: Final = rf"{_LABEL}\d++(?:\s*+[-–]\s*+\d++)?+"
_BETWEEN_ITEMS: Final = r"\s*+(?:[,;]\s*+(?:and\b)?+|&|and\b)\s*+"
_BRACKET: Final = (
    rf"[\[【\uff3b]\s*+{_ITEM}(?:{_BETWEEN_ITEMS}{_ITEM})*+\s*+(?:†[^\[\]【】\uff3b\uff3d\n]*+)?+[\]】\uff3d]"
)
_RUN: Final = rf"{_BRACKET}(?:[ \t]*+{_BRACKET})*+"
_MARKERS: Final = re.compile(rf"(?:(?<![\w\]])|(?=[【\uff3b])){_RUN}", re.IGNORECASE)  # items[0] is none
_GLUED_MARKERS: Final = re.compile(_RUN, re.IGNORECASE)

_NUMBERS: Final = re.compile(r"(\d++)(?:\s*+[-–]\s*+(\d++))?+")
_REMARK: Final = re.compile(r"†[^\]】\uff3d]*+")
_LOOSE_SPACE: Final = re.compile(r"(?<![ \t])[ \t]++(?=[.,;:!?](?:\s|$))")
_WORD: Final = re.compile(r"\w+")
_PUNCTUATION: Final = " \t\n.,;:"
_JOINING: Final = {"and", "or", "&"}


@dataclass(frozen=True, slots=True)
class CitedAnswer:
    """An answer whose every marker points at a passage. `removed` counts the markers that did not."""

    text: str
    citations: list[Citation]
    removed: int


def resolve(answer: str, prompt: Prompt) -> CitedAnswer:
    """Return the answer with its valid markers as `[n]`, each resolved to one citation, in the order of appearance."""
    sources = {source.n: source for source in prompt.sources}
    found = markers(answer)
    claims: dict[int, str] = {}
    removed = position = 0
    pieces: list[str] = []
    for marker, claim in zip(found, _claims(answer, found), strict=True):
        numbers = list(_numbers(marker[0]))
        valid = list(dict.fromkeys(number for number in numbers if number in sources))
        removed += sum(number not in sources for number in numbers)
        for number in valid:
            claims.setdefault(number, claim)
        before = answer[position : marker.start()].rstrip(" \t")
        position = marker.end()
        pieces += [before, _written(before, valid, answer[position : position + 1])]
    text = _LOOSE_SPACE.sub("", "".join([*pieces, answer[position:]])).strip()
    return CitedAnswer(text, [_citation(sources[n], prompt, claim) for n, claim in claims.items()], removed)


def markers(answer: str) -> list[re.Match[str]]:
    """Return the runs of markers; those that touch a word, as an array's index does, only when there are no others."""
    return list(_MARKERS.finditer(answer)) or list(_GLUED_MARKERS.finditer(answer))


def _numbers(run: str) -> Iterator[int]:
    for first, last in _NUMBERS.findall(_REMARK.sub("", run)):
        if len(first) > _MAX_DIGITS or len(last) > _MAX_DIGITS:
            yield -1  # no passage has such a number
            continue
        start, end = int(first), int(last or first)
        yield from range(start, min(end, start + _MAX_RANGE - 1) + 1) if start <= end else (start, end)


def _written(before: str, numbers: list[int], following: str) -> str:
    """Return what replaces a run of markers; what stood on its two sides never grows together to a new marker."""
    if numbers:
        space = " " if before and not before[-1].isspace() and before[-1] not in "([{" else ""
        return space + "".join(f"[{number}]" for number in numbers)
    return "" if not following or following.isspace() or following in ".,;:!?)" else " "


def _claims(answer: str, found: list[re.Match[str]]) -> Iterator[str]:
    """Yield for each run of markers the sentence that it is put to: the one before it, or the one that it opens."""
    ends = [0, *(marker.end() for marker in found)]
    starts = [*(marker.start() for marker in found), len(answer)]
    texts = [answer[start:end] for start, end in zip(ends, starts, strict=True)]
    ahead = not texts[0].strip(_PUNCTUATION)  # the answer puts its markers in front: "[1] A. [2] B."
    claim = ""
    for before, after in pairwise(texts):
        said = _sentence(before[-_MAX_CLAIM_CHARACTERS:], -1)
        last = before.rstrip(" \t-*•>")[-1:]
        opens = last in ("", "\n") or (ahead and last in ".!?")
        if (opens and after.partition("\n")[0].strip(_PUNCTUATION)) or not (said or claim):
            claim = _sentence(after[:_MAX_CLAIM_CHARACTERS], 0)
        elif said and said.casefold() not in _JOINING:  # "[1], [2]": the second has the first one's claim
            claim = said
        yield claim


def _sentence(text: str, which: int) -> str:
    said = sentences(text)
    return (said[which].text if said else text).strip(_PUNCTUATION)


def _citation(source: PromptSource, prompt: Prompt, claim: str) -> Citation:
    text = prompt.user[source.text_start : source.text_end]
    start, end = _quote(text, claim)
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
        suspicious=source.suspicious,
    )


def _quote(text: str, claim: str) -> tuple[int, int]:
    """Return where the passage says it: the claim itself, or the sentence that shares most words with it."""
    spans = [(part.start, part.start + len(part.text)) for part in sentences(text)] or [(0, len(text))]
    if place := _verbatim(text, claim):
        start, end = _widened(place, spans) if len(claim.split()) < _TELLING_WORDS else place
    else:
        wanted = _words(claim)
        start, end = max(spans, key=lambda span: _overlap(wanted, _words(text[slice(*span)])))
    return start, min(end, start + MAX_QUOTE_CHARACTERS)


def _verbatim(text: str, claim: str) -> tuple[int, int] | None:
    """Return where the claim's words stand in the text, whatever the white space between them."""
    words = claim.split()[:_MAX_LITERAL_WORDS]
    literal = r"\s++".join(map(re.escape, words))
    found = re.search(rf"(?<!\w){literal}(?!\w)\.?", text) if words else None
    return found.span() if found else None


def _widened(place: tuple[int, int], spans: list[tuple[int, int]]) -> tuple[int, int]:
    """Return the sentence around a place, or its rest from there when it is too long to be quoted up to there."""
    start, end = next((span for span in spans if span[0] <= place[0] < span[1]), place)
    return (start if place[1] - start <= MAX_QUOTE_CHARACTERS else place[0]), max(end, place[1])


def _overlap(wanted: set[str], offered: set[str]) -> float:
    """Return the words in common, weighed against the length of what is offered (Ochiai's coefficient)."""
    return len(wanted & offered) / (len(wanted) * len(offered)) ** 0.5 if wanted and offered else 0.0


def _words(text: str) -> set[str]:
    return {word.casefold() for word in _WORD.findall(text)}
