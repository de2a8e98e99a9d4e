"""Use case of the compose state: the prompt, from numbered passages inside delimiters that nobody can forge."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from string import Template

import msgspec

from rag.contracts import MAX_PROMPT_BYTES, ComposeRequest, ComposeResponse, Passage, Prompt, PromptSource

_FRAME_TOKENS = 24  # tags, number and mark of one passage; title and source are counted apart
_CHARACTERS_PER_TOKEN = 3  # on the safe side for text whose tokens nobody counted
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
        user, sources, size = Template(before).substitute(mark=mark), list[PromptSource](), 0
        for n, (passage, text) in enumerate(self._fitting(request.passages), start=1):
            title, source = _attribute(passage.title), _attribute(passage.source)
            opening = f'<passage-{mark} n="{n}" title="{title}" source="{source}">\n'
            block = f"{opening}{text}\n</passage-{mark}>\n\n"
            text_start = len(user) + len(opening)
            place = _source(n, passage, text_start, text_start + len(text))
            size += len(msgspec.json.encode((block, place)))
            if size > MAX_PROMPT_BYTES:
                break
            user += block
            sources.append(place)
        user += Template(after).substitute(mark=mark, query=request.query)
        prompt = Prompt(system=prompt_text("system"), user=user, sources=sources)
        return ComposeResponse(prompt=prompt, degraded=request.degraded)

    def _fitting(self, passages: Sequence[Passage]) -> list[tuple[Passage, str]]:
        fitting: list[tuple[Passage, str]] = []
        left = self.token_budget
        for passage in passages:
            frame = _FRAME_TOKENS + (len(passage.title) + len(passage.source)) // _CHARACTERS_PER_TOKEN
            if frame + passage.tokens <= left:
                fitting.append((passage, passage.text))
                left -= frame + passage.tokens
            elif not fitting:
                return [(passage, _shortened(passage, max(1, left - frame)))]
        return fitting


def prompt_text(name: str) -> str:
    """Return the text of a template file that has no parameters, without its last line break."""
    return _read(name).rstrip("\n")


@cache
def _read(name: str) -> str:
    return (Path(__file__).parent / "prompts" / f"{name}.txt").read_text(encoding="utf-8")


def _shortened(passage: Passage, tokens: int) -> str:
    """Return the beginning of a passage, up to a space, in proportion to the tokens that are left."""
    characters = len(passage.text) * tokens // max(1, passage.tokens)
    cut = passage.text[:characters]
    return cut.rsplit(maxsplit=1)[0] if " " in cut else cut


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
    )


def _attribute(value: str) -> str:
    """Return the value as it stands between double quotes in a tag, on one line."""
    escaped = value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
    return " ".join(escaped.split())
