"""JSON into text that reads: names and values a line each, the objects of a list a paragraph each."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from rag.documents.document import MAX_TEXT_BYTES, TOO_MUCH_TEXT, Extracted
from rag.errors import UnreadableDocument

MAX_DEPTH: Final = 100

_INDENT: Final = "  "
_TITLE_FIELDS: Final = ("title", "name", "subject")


def extract_json(text: str) -> Extracted:
    """Return the names and values of a JSON document; its title is its own `title`, `name` or `subject`.

    Raises:
        UnreadableDocument: it is no JSON, or nests too deeply.
    """
    try:
        value = msgspec.json.decode(text.lstrip("\ufeff").encode())
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise UnreadableDocument("It is not valid JSON: check it, or save it as text.") from error
    except RecursionError as error:
        raise UnreadableDocument(f"It nests deeper than {MAX_DEPTH} levels: flatten it.") from error
    titles = (value.get(name) for name in _TITLE_FIELDS) if isinstance(value, dict) else iter(())
    title = next((one for one in titles if isinstance(one, str) and one.strip()), "")
    parts, characters = list[str](), 0
    for part in _document(value):
        parts.append(part)
        characters += len(part)
        if characters > MAX_TEXT_BYTES:
            raise UnreadableDocument(TOO_MUCH_TEXT)
    return Extracted(title, "".join(parts).strip("\n"), "json")


def _document(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _lines(item, 0)
            yield "\n" if isinstance(item, (dict, list)) else ""
    else:
        yield from _lines(value, 0)


def _lines(value: Any, depth: int) -> Iterator[str]:
    """Yield the value's lines, each with its newline."""
    if depth > MAX_DEPTH:
        raise UnreadableDocument(f"It nests deeper than {MAX_DEPTH} levels: flatten it.")
    indent = _INDENT * depth
    if isinstance(value, dict):
        for name, inner in value.items():
            if not isinstance(inner, (dict, list)):
                yield f"{indent}{name}: {_scalar(inner)}\n"
            else:
                yield from _nested(f"{indent}{name}:", inner, depth)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, (dict, list)):
                yield from _nested(f"{indent}-", item, depth)
            else:
                yield f"{indent}- {_scalar(item)}\n"
    else:
        yield f"{indent}{_scalar(value)}\n"


def _nested(opening: str, value: Any, depth: int) -> Iterator[str]:
    """Yield a list of plain values on one line, and everything else below its opening."""
    if not value:
        yield f"{opening} none\n"
        return
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        line = ", ".join(_scalar(item) for item in value)
        if len(line) < 200:
            yield f"{opening} {line}\n"
            return
    yield f"{opening}\n"
    yield from _lines(value, depth + 1)


def _scalar(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
