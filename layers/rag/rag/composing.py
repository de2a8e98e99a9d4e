"""Use case of the compose state: the prompt, from numbered passages inside delimiters that nobody can forge."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

import msgspec

from rag.cleaning import with_invisible_shown, without_invisible
from rag.contracts import MAX_PROMPT_BYTES, ComposeRequest, ComposeResponse, Passage, Prompt, PromptSource

_FRAME_TOKENS = 36  # tags, number and mark of one passage; title and source are counted apart
_BYTES_PER_TOKEN = 2  # on the safe side for text whose tokens nobody counted
_ATTRIBUTE_CHARACTERS = 200
_MARK_BYTES = 6


def random_mark() -> str:
    """Return what one request's delimiters carry: no document can know it."""
    return secrets.token_hex(_MARK_BYTES)


@dataclass(frozen=True, slots=True)
class ComposePrompt:
    """Writes prompts whose passages take at most `token_budget` tokens, their tags included."""

    token_budget: int
    mark: Callable[[], str] = random_mark

    def __call__(self, request: ComposeRequest) -> ComposeResponse:
        """Return the prompt with as many of the best passages as fit; the first is shortened rather than left out."""
        mark = self.mark()
        before, after = _read("user").split("$passages")
        user, sources = Template(before).substitute(mark=mark), list[PromptSource]()
        tokens, size = self.token_budget, MAX_PROMPT_BYTES
        for passage in request.passages:
            n = len(sources) + 1
            title, source = _attribute(passage.title), _attribute(passage.source)
            opening = f'<passage-{mark} n="{n}" title="{title}" source="{source}">\n'
            closing = f"\n</passage-{mark}>\n\n"
            text_start = len(user) + len(opening)
            frame_tokens = _FRAME_TOKENS + len(f"{title}{source}".encode()) // _BYTES_PER_TOKEN
            frame_size = _size([opening, closing, _source(n, passage, text_start, text_start)])
            text = _fitting(passage, tokens - frame_tokens, size - frame_size)
            if len(text) < len(passage.text) and (sources or not text):
                continue
            user += opening + text + closing
            sources.append(_source(n, passage, text_start, text_start + len(text)))
            tokens -= frame_tokens + passage.tokens
            size -= frame_size + _size(text)
        user += Template(after).substitute(mark=mark, query=request.query)
        prompt = Prompt(system=prompt_text("system"), user=user, sources=sources)
        return ComposeResponse(prompt=prompt, degraded=request.degraded)


def prompt_text(name: str) -> str:
    """Return the text of a template file that has no parameters, without its last line break."""
    return _read(name).rstrip("\n")


def prompt_with(name: str, **parameters: str) -> str:
    """Return the text of a template file with its parameters filled in."""
    return Template(prompt_text(name)).substitute(parameters)


@cache
def _read(name: str) -> str:
    return (Path(__file__).parent / "prompts" / f"{name}.txt").read_text(encoding="utf-8")


def _fitting(passage: Passage, tokens: int, size: int) -> str:
    """Return the passage's text, or as much of its beginning as so many tokens and bytes of JSON hold."""
    text = with_invisible_shown(passage.text)
    if passage.tokens <= tokens and _size(text) <= size:
        return text
    text = text[: max(0, len(text) * min(tokens, passage.tokens) // max(1, passage.tokens))]
    while text and _size(text) > size:
        text = text[: max(0, len(text) * size // _size(text) - 1)]
    return text.rsplit(maxsplit=1)[0] if " " in text.strip() else text


def _size(value: object) -> int:
    return len(msgspec.json.encode(value))


def _source(n: int, passage: Passage, text_start: int, text_end: int) -> PromptSource:
    return PromptSource(
        n=n,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        title=passage.title,
        source=passage.source,
        page=passage.page,
        start=passage.start,
        score=passage.score,
        text_start=text_start,
        text_end=text_end,
        suspicious=passage.suspicious,
    )


def _attribute(value: str) -> str:
    """Return the beginning of the value as it stands between double quotes in a tag, on one line."""
    escaped = (
        without_invisible(value)[0][:_ATTRIBUTE_CHARACTERS]
        .replace("&", "&amp;")
        .replace('"', "&quot;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
    )
    return " ".join(escaped.split())
