"""One file into its title and text. The format is judged by content; the name only breaks ties.

Each format's reader gives the text as the file has it; what cannot be seen is taken out here, for all formats alike.
Readers are imported when their format is met: most executions meet one.
"""

import re
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Final

from rag.cleaning import Cleaned, cleaned
from rag.documents.decoding import decoded
from rag.documents.document import MAX_TEXT_BYTES, TOO_MUCH_TEXT, Extracted
from rag.documents.headings import HeadingPaths
from rag.documents.signatures import binary_format
from rag.errors import UnreadableDocument

MAX_TITLE: Final = 200  # characters

_NO_TEXT: Final = "It holds no text."

_HTML_START: Final = re.compile(r"<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_TAG: Final = re.compile(r"<(?:p|div|h[1-6]|table|ul|ol|section|article|span|br|title)\b", re.IGNORECASE)
_SVG_START: Final = re.compile(r"(?:<!doctype\s+svg[^>\[]*(?:\[.*?\]\s*)?>\s*)?<svg\b", re.IGNORECASE | re.DOTALL)
_MAIL_HEADER: Final = re.compile(rb"(?:From |[A-Za-z][A-Za-z0-9-]*:)")
_SENTENCE_ENDS: Final = (".", "!", "?", ":", ";", ",")
_TITLE_WITHIN: Final = 100_000  # characters: a heading behind them names a part, not the whole
_MAX_PROLOGUE: Final = 10  # comments: each costs a copy of the text
_HTML_NAMES: Final = {".html", ".htm", ".xhtml"}
_MARKDOWN_NAMES: Final = {".md", ".markdown", ".mdx"}
_TITLED: Final = {"markdown", "text", "html", "docx"}  # formats whose text may open with its title
_TABLE_NAMES: Final = {".csv", ".tsv", ".tab"}


def extract(name: str, data: bytes) -> Extracted:
    """Return title and text of the file with this name and content.

    Raises:
        UnreadableDocument: it is empty, damaged, encrypted, or of a format that is not read here.
    """
    if not data:
        raise UnreadableDocument(_NO_TEXT)
    extracted = _read(name, data)
    text, pages, stripped = _cleaned_pages(extracted)
    if not text.strip():
        raise UnreadableDocument(_NO_TEXT)
    if len(text.encode()) > MAX_TEXT_BYTES:
        raise UnreadableDocument(TOO_MUCH_TEXT)
    title = cleaned(extracted.title)
    own = shortened_title(title.text) or shortened_title(title_of(text) if extracted.format in _TITLED else "")
    named = shortened_title(cleaned(PurePosixPath(name).stem).text)
    return Extracted(own or named, text, extracted.format, pages, stripped + title.stripped)


def title_of(text: str) -> str:
    """Return the main heading of a text, or its first line if that stands alone like a title, or nothing."""
    text = text[:_TITLE_WITHIN]
    headings = HeadingPaths(text).headings
    if headings:
        return next((heading for heading in headings if heading.level == 1), headings[0]).words
    first, _, rest = text.strip().partition("\n")
    stands_alone = (
        rest.startswith("\n") and len(first) <= MAX_TITLE // 2 and not first.rstrip().endswith(_SENTENCE_ENDS)
    )
    return first.strip() if stands_alone else ""


def shortened_title(title: str) -> str:
    """Return the title on one line, and cut where it is too long to be one."""
    words = " ".join(title.split())
    return words if len(words) <= MAX_TITLE else words[: MAX_TITLE - 1].rstrip() + "…"


def _read(name: str, data: bytes) -> Extracted:
    suffix = PurePosixPath(name).suffix.lower()
    binary = binary_format(name, data)
    if binary == "pdf":
        from rag.documents.pdf import extract_pdf

        return extract_pdf(data)
    if binary == "docx":
        from rag.documents.docx import extract_docx

        return extract_docx(data)
    if suffix == ".eml" and _MAIL_HEADER.match(data[:200].lstrip(b"\xef\xbb\xbf\r\n")):
        from rag.documents.mail import extract_mail

        return extract_mail(data)
    return _read_text(suffix, decoded(data))


def _read_text(suffix: str, text: str) -> Extracted:
    start = _without_prologue(text)
    if _SVG_START.match(start):
        raise UnreadableDocument("It is an SVG image, which is not read: convert it to PDF, Markdown or text.")
    if _HTML_START.match(start) or (suffix in _HTML_NAMES and _HTML_TAG.search(text)):
        from rag.documents.html import extract_html

        return extract_html(text)
    if suffix in _TABLE_NAMES:
        from rag.documents.csv_table import extract_csv

        return extract_csv(text)
    if suffix == ".json":
        from rag.documents.json_text import extract_json

        return extract_json(text)
    return Extracted("", text, "markdown" if suffix in _MARKDOWN_NAMES else "text")


def _cleaned_pages(extracted: Extracted) -> tuple[str, tuple[int, ...], int]:
    """Clean each page by itself, so that pages still begin where they are said to."""
    bounds = [*extracted.pages, len(extracted.text)] if extracted.pages else [0, len(extracted.text)]
    parts: list[Cleaned] = [cleaned(extracted.text[start:end]) for start, end in pairwise(bounds)]
    pages, offset = list[int](), 0
    for part in parts:
        pages.append(offset)
        offset += len(part.text)
    text = "".join(part.text for part in parts)
    return text, tuple(pages) if extracted.pages else (), sum(part.stripped for part in parts)


def _without_prologue(text: str) -> str:
    """Return the text from behind the XML declaration and the comments that may open an HTML file."""
    rest = text.lstrip("\ufeff \t\r\n\f")
    for _ in range(_MAX_PROLOGUE):
        closing = "?>" if rest.startswith("<?xml") else "-->" if rest.startswith("<!--") else ""
        end = rest.find(closing) if closing else -1
        if end < 0:
            break
        rest = rest[end + len(closing) :].lstrip()
    return rest
