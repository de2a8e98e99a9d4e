"""PDF into text, page by page, in the order in which PDFium reads it.

PDFium is the engine of Chrome: fuzzed for years, fast, with wheels for every platform, and free to ship. Chrome does
not trust it either and runs it in a process of its own, as `rag.documents.isolation` does.
"""

from collections.abc import Iterator
from itertools import islice
from typing import Final

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c

from rag.documents.document import MAX_TEXT_BYTES, TOO_MUCH_TEXT, Extracted
from rag.documents.headings import HeadingPaths
from rag.documents.pdf_outline import OutlineEntry, with_headings
from rag.documents.pdf_text import Hyphens, reflowed
from rag.documents.signatures import PASSWORD_NEEDED
from rag.errors import UnreadableDocument

NO_TEXT_LAYER: Final = "It has no text layer, as scans have none: run OCR on it first (for example ocrmypdf)."

_PAGE_END: Final = "\n\n"
_MAX_OUTLINE: Final = 10_000  # entries
_FILE_NAME_ENDS: Final = (".doc", ".docx", ".pdf", ".indd", ".qxd", ".jpg", ".png", ".tif", ".xls", ".xlsx", ".rtf")


def extract_pdf(data: bytes) -> Extracted:
    """Return the text of all pages, with those headings that the outline names, and where each page begins.

    Raises:
        UnreadableDocument: it is encrypted, damaged, or has no text.
    """
    document = _opened(data)
    try:
        pages = list(_pages(document))
        if not any(page.strip() for page in pages):
            raise UnreadableDocument(NO_TEXT_LAYER)
        outline = _outline(document)
        title = _title(document.get_metadata_value("Title"))
    finally:
        document.close()
    hyphens = Hyphens(pages)
    texts = [with_headings(reflowed(page, hyphens), outline.get(number, ())) for number, page in enumerate(pages)]
    headings = HeadingPaths(texts[0]).headings
    starts, offset = list[int](), 0
    parts = list[str]()
    for text in texts:
        starts.append(offset)
        parts.append(text + _PAGE_END if text else "")
        offset += len(parts[-1])
    return Extracted(title or (headings[0].words if headings else ""), "".join(parts), "pdf", tuple(starts))


def _opened(data: bytes) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if getattr(error, "err_code", None) in (pdfium_c.FPDF_ERR_PASSWORD, pdfium_c.FPDF_ERR_SECURITY):
            raise UnreadableDocument(PASSWORD_NEEDED) from None
        raise UnreadableDocument("It is a damaged PDF: open it, save it anew and upload that.") from error


def _pages(document: pdfium.PdfDocument) -> Iterator[str]:
    characters = 0
    for number in range(len(document)):
        try:
            page = document[number]
            text = page.get_textpage()
        except pdfium.PdfiumError as error:
            raise UnreadableDocument(f"It is a damaged PDF: page {number + 1} cannot be read.") from error
        content = text.get_text_range()
        text.close()
        page.close()
        characters += len(content)
        if characters > MAX_TEXT_BYTES:
            raise UnreadableDocument(TOO_MUCH_TEXT)
        yield content


def _outline(document: pdfium.PdfDocument) -> dict[int, list[OutlineEntry]]:
    """Return what the outline says about each page, by the page's index."""
    entries = dict[int, list[OutlineEntry]]()
    try:
        for bookmark in islice(document.get_toc(), _MAX_OUTLINE):
            place = bookmark.get_dest()
            index = place.get_index() if place else None
            if index is not None:
                entries.setdefault(index, []).append(OutlineEntry(bookmark.level, bookmark.get_title()))
    except (pdfium.PdfiumError, UnicodeDecodeError, RecursionError):
        return entries  # a broken outline costs headings, not the text
    return entries


def _title(metadata: str) -> str:
    """Return the title that the metadata give, unless a program put it there: a file's name, or one word or number."""
    title = metadata.strip().removeprefix("Microsoft Word - ").removeprefix("PowerPoint Presentation")
    is_sensible = (
        len(title.split()) > 1 and not title.lower().endswith(_FILE_NAME_ENDS) and "untitled" not in title.lower()
    )
    return title if is_sensible else ""
