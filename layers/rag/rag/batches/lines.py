"""Questions in a file, one a line: `{"query": …}` or `{"question": …}`, with an `id` if wanted, or a plain string."""

from codecs import BOM_UTF8
from collections.abc import Iterator
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from rag.batches.staged import PartQuestion
from rag.contracts import composed
from rag.errors import InvalidRequest

_MALFORMED: Final = 'Line {} must be {{"query": "…"}}, with an id if wanted, or a string, in JSON.'
_MISPLACED: Final = "Line {} asks for {}: what a search is to be is told for all questions together, not in a line."


class _Line(msgspec.Struct):
    query: object = None
    question: object = None
    id: Annotated[str, Meta(max_length=200)] | int | None = None
    tenant: object = None
    groups: object = None
    filter: object = None
    top_k: object = None
    mode: object = None
    history: object = None
    phrasings: object = None


_SHARED: Final = tuple(name for name in _Line.__struct_fields__ if name not in {"query", "question", "id"})
_LINE: Final = msgspec.json.Decoder(_Line | str)


def lines_in(block: bytes, first: int = 1) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not blank, with their numbers; a file's byte order mark belongs to none of them."""
    for number, line in enumerate(block.split(b"\n"), start=first):
        text = line.removeprefix(BOM_UTF8) if number == 1 else line
        if text.strip():
            yield number, text


def question_in(line: bytes, number: int) -> PartQuestion:
    """Return the question of a line, or one that says what is wrong with the line of that number."""
    try:
        read = _LINE.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return PartQuestion(None, error=_MALFORMED.format(f"{number:,}"))
    if isinstance(read, str):
        return _judged(read, None)
    identifier = None if read.id is None else str(read.id)
    query = read.query if read.query is not None else read.question
    if not isinstance(query, str):
        return PartQuestion(None, identifier, _MALFORMED.format(f"{number:,}"))
    if misplaced := next((name for name in _SHARED if getattr(read, name) is not None), None):
        return PartQuestion(None, identifier, _MISPLACED.format(f"{number:,}", misplaced))
    return _judged(query, identifier)


def _judged(query: str, identifier: str | None) -> PartQuestion:
    try:
        return PartQuestion(composed(query), identifier)
    except InvalidRequest as error:
        return PartQuestion(None, identifier, str(error))
