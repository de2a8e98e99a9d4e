"""DOCX into text with Markdown's headings, lists and tables.

Read as a stream by Python's own expat, without a library: python-docx passes over tracked insertions, notes and text
boxes, mammoth shows hidden text, and both hold a tree of forty times the document's size (see the decision of
2026-11-22 on extraction libraries). Nothing but the parts named here is ever unpacked.
"""

import zipfile
import zlib
from collections.abc import Callable
from io import BytesIO
from posixpath import basename
from typing import Final, Protocol
from xml.parsers import expat

from rag.documents.document import Extracted
from rag.documents.docx_body import Body
from rag.documents.docx_styles import Numbering, Styles
from rag.documents.signatures import PASSWORD_NEEDED
from rag.errors import UnreadableDocument

MAX_PART_BYTES: Final = 200_000_000  # unpacked: about 30,000 pages

_DAMAGED: Final = "It is a damaged Office document: open it, save it anew and upload that."
_ENCRYPTED: Final = 0x1
_READ: Final = {  # parts of word/, in the order in which they are needed; some programs number the document's
    "styles": ("styles.xml",),
    "numbering": ("numbering.xml",),
    "footnotes": ("footnotes.xml",),
    "endnotes": ("endnotes.xml",),
    "document": ("document.xml", "document2.xml"),
}


class Handler(Protocol):
    """What listens to a part's elements, by their names without name space."""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""
        ...

    def end(self, name: str) -> None:
        """Take the end of an element."""
        ...

    def text(self, data: str) -> None:
        """Take characters."""
        ...


def extract_docx(data: bytes) -> Extracted:
    """Return the title and the text of a document: no deleted, hidden or commented text, notes behind their paragraphs.

    Raises:
        UnreadableDocument: it is damaged, encrypted, or unpacks to more than is sensible.
    """
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            return _read(archive)
    except (
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
    ) as error:
        raise UnreadableDocument(_DAMAGED) from error


def _read(archive: zipfile.ZipFile) -> Extracted:
    parts = {kind: found for kind, names in _READ.items() if (found := _part(archive, names))}
    if "document" not in parts:
        raise UnreadableDocument(_DAMAGED)
    for part in parts.values():
        _check(part)
    styles, numbering = Styles(), Numbering()
    notes = dict[str, str]()
    readers: dict[str, Callable[[], Handler]] = {"styles": lambda: styles, "numbering": lambda: numbering}
    for kind, reader in readers.items():
        if kind in parts:
            _parse(archive, parts[kind], reader())
    for kind in ("footnotes", "endnotes"):
        if kind in parts:
            body = Body(styles, numbering, {})
            _parse(archive, parts[kind], body)
            notes |= body.notes
    body = Body(styles, numbering, notes)
    _parse(archive, parts["document"], body)
    return Extracted(body.title, body.document_text(), "docx")


def _part(archive: zipfile.ZipFile, names: tuple[str, ...]) -> zipfile.ZipInfo | None:
    for info in archive.infolist():
        if info.filename.startswith("word/") and info.filename.count("/") == 1 and basename(info.filename) in names:
            return info
    return None


def _check(part: zipfile.ZipInfo) -> None:
    """Refuse a part by what the archive declares; `zipfile` never unpacks more than that."""
    if part.flag_bits & _ENCRYPTED:
        raise UnreadableDocument(PASSWORD_NEEDED)
    if part.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise UnreadableDocument(_DAMAGED)
    if part.file_size > MAX_PART_BYTES:
        raise UnreadableDocument(f"It unpacks to more than {MAX_PART_BYTES // 1_000_000} MB: split it.")


def _parse(archive: zipfile.ZipFile, part: zipfile.ZipInfo, handler: Handler) -> None:
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, attributes: handler.start(
        _local(name), {_local(key): value for key, value in attributes.items()}
    )
    parser.EndElementHandler = lambda name: handler.end(_local(name))
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    with archive.open(part) as stream:
        parser.ParseFile(stream)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _refuse_doctype(*_: object) -> None:
    """Refuse what the format forbids and bombs of entities need."""
    raise UnreadableDocument("Its XML declares entities, as no Office document does: it is refused.")
