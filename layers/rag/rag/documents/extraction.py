"""One file into its title and text. The format is judged by content; the name only breaks ties."""

import re
from pathlib import PurePosixPath
from typing import Final

from rag.documents.decoding import decoded
from rag.documents.document import Extracted
from rag.documents.headings import HeadingPaths
from rag.errors import UnreadableDocument

MAX_TITLE: Final = 200  # characters

_HTML_START: Final = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_TAG: Final = re.compile(r"<(?:p|div|h[1-6]|table|ul|ol|section|article|span|br|title)\b", re.IGNORECASE)
_SENTENCE_ENDS: Final = (".", "!", "?", ":", ";", ",")
_MAX_PROLOGUE: Final = 10  # comments: each costs a copy of the text
_HTML_NAMES: Final = {".html", ".htm", ".xhtml"}


def extract(name: str, data: bytes) -> Extracted:
    """Return title and text of the file with this name and content.

    Raises:
        UnreadableDocument: it is empty, binary, or of a format that is not read here.
    """
    text = decoded(data)
    if _is_html(name, text):
        from rag.documents.html import extract_html

        extracted = extract_html(text)
    else:
        extracted = Extracted(title_of(text), text)
    if not extracted.text.strip():
        raise UnreadableDocument("It holds no text.")
    return Extracted(shortened_title(extracted.title) or PurePosixPath(name).stem, extracted.text)


def title_of(text: str) -> str:
    """Return the first heading of a text, or its first line if that stands alone like a title, or nothing."""
    headings = HeadingPaths(text).headings
    if headings:
        return headings[0].words
    first, _, rest = text.strip().partition("\n")
    stands_alone = (
        rest.startswith("\n") and len(first) <= MAX_TITLE // 2 and not first.rstrip().endswith(_SENTENCE_ENDS)
    )
    return first.strip() if stands_alone else ""


def shortened_title(title: str) -> str:
    """Return the title on one line, and cut where it is too long to be one."""
    words = " ".join(title.split())
    return words if len(words) <= MAX_TITLE else words[: MAX_TITLE - 1].rstrip() + "…"


def _is_html(name: str, text: str) -> bool:
    if _HTML_START.match(_without_prologue(text)):
        return True
    return PurePosixPath(name).suffix.lower() in _HTML_NAMES and _HTML_TAG.search(text) is not None


def _without_prologue(text: str) -> str:
    """Return the text from behind the XML declaration and the comments that may open an HTML file."""
    rest = text.lstrip()
    for _ in range(_MAX_PROLOGUE):
        closing = "?>" if rest.startswith("<?xml") else "-->" if rest.startswith("<!--") else ""
        end = rest.find(closing) if closing else -1
        if end < 0:
            break
        rest = rest[end + len(closing) :].lstrip()
    return rest
