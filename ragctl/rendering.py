"""Answers as a person reads them in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import fill
from typing import Any, Final

from rag.identity import prints
from ragctl.asking import StateTime

_WIDTH: Final = 100
_QUOTE_CHARACTERS: Final = 240


def answer_lines(output: Mapping[str, Any]) -> Iterator[str]:
    """Yield the question if it was rewritten, the answer, its citations, and what it cost."""
    if output["rewritten_query"]:
        yield _wrapped(f"Asked as: {output['rewritten_query']}")
        yield ""
    yield _wrapped(output["answer"])
    if output["citations"]:
        yield ""
    for citation in output["citations"]:
        page = f", page {citation['page']}" if citation["page"] is not None else ""
        yield f"  [{citation['n']}] {printable(citation['title'])} ({printable(citation['source'])}{page})"
        yield _wrapped(f'"{_shortened(citation["quote"])}"', indent="      ")
    yield ""
    yield _bill(output)


def time_line(seconds: float, states: Sequence[StateTime]) -> str:
    """Return the time of each state, and of the whole."""
    parts = ", ".join(f"{state.state} {state.seconds * 1000:.0f} ms" for state in states)
    return f"{seconds * 1000:.0f} ms: {parts}"


def printable(text: str) -> str:
    """Return the text without the characters that steer a terminal: it may come from any document."""
    return "".join(character for character in text if prints(character) or character in "\n\t")


def counted(number: int, noun: str) -> str:
    """Return a number of things, as in "1 chunk" and "2 chunks"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _bill(output: Mapping[str, Any]) -> str:
    usage = output["usage"]
    cost = "unknown cost" if usage["cost_usd"] is None else f"${usage['cost_usd']:.6f}"
    tokens = usage["embedding_tokens"] + usage["prompt_tokens"] + usage["completion_tokens"]
    cached = ", embedding from the cache" if output["cached_embedding"] else ""
    degraded = f", degraded: {', '.join(output['degraded'])}" if output["degraded"] else ""
    verdict = "" if output["answered"] else f"not answered ({output['reason']}), "
    return f"{verdict}{output['model']}, {tokens} tokens, {cost}{cached}{degraded}"


def _shortened(quote: str) -> str:
    quote = " ".join(quote.split())
    return quote if len(quote) <= _QUOTE_CHARACTERS else quote[: _QUOTE_CHARACTERS - 1].rsplit(" ", 1)[0] + "…"


def _wrapped(text: str, indent: str = "") -> str:
    lines = printable(text).splitlines() or [""]
    return "\n".join(
        fill(line, _WIDTH, initial_indent=indent, subsequent_indent=indent, break_long_words=False) for line in lines
    )
