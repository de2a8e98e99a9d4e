"""What bytes are, by what they begin with: the binary formats that are read, and the names of those that are not."""

import zipfile
from io import BytesIO
from typing import Final, Literal, NoReturn

from rag.errors import UnreadableDocument

PASSWORD_NEEDED: Final = "It is encrypted (password needed): save it without a password."  # noqa: S105 # a sentence

_PDF: Final = b"%PDF-"
_PDF_WITHIN: Final = 1_024  # bytes that readers allow before the signature
_AS_TEXT: Final = "convert it to PDF, DOCX, Markdown or text"
_SIGNATURES: Final = (  # where it stands, the bytes, what it is, and what to do with it
    (0, b"{\\rtf", "a rich text file", "save it as DOCX"),
    (0, b"%!PS", "a PostScript file", "convert it to PDF"),
    (0, b"\x89PNG", "a PNG image", ""),
    (0, b"\xff\xd8\xff", "a JPEG image", ""),
    (0, b"GIF8", "a GIF image", ""),
    (0, b"II*\0", "a TIFF image", ""),
    (0, b"MM\0*", "a TIFF image", ""),
    (8, b"WEBP", "a WebP image", ""),
    (8, b"WAVE", "a sound", "transcribe it"),
    (8, b"AVI ", "a video", "transcribe it"),
    (4, b"ftyp", "a video or an image of a phone", "transcribe it"),
    (0, b"\x1aE\xdf\xa3", "a video", "transcribe it"),
    (0, b"OggS", "a sound", "transcribe it"),
    (0, b"ID3", "a sound", "transcribe it"),
    (0, b"fLaC", "a sound", "transcribe it"),
    (0, b"\x1f\x8b", "a gzip archive", "unpack it"),
    (0, b"BZh", "a bzip2 archive", "unpack it"),
    (0, b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it"),
    (0, b"\xfd7zXZ", "an xz archive", "unpack it"),
    (0, b"7z\xbc\xaf", "a 7-Zip archive", "unpack it"),
    (0, b"Rar!\x1a\x07", "a RAR archive", "unpack it"),
    (257, b"ustar", "a tar archive", "unpack it"),
    (0, b"\x7fELF", "a program", ""),
    (0, b"MZ\x90\0", "a program", ""),
    (0, b"\xca\xfe\xba\xbe", "a program", ""),
    (0, b"\xcf\xfa\xed\xfe", "a program", ""),
    (0, b"\0asm", "a program", ""),
    (0, b"SQLite format 3", "an SQLite database", "export its tables as CSV"),
    (0, b"PAR1", "a Parquet file", "export it as CSV or JSONL"),
    (0, b"Obj\x01", "an Avro file", "export it as CSV or JSONL"),
    (0, b"wOF", "a font", ""),
)
_MEMBERS: Final = (  # of ZIP archives, by the file that makes them what they are
    ("xl/", "an Excel workbook", "save its sheets as CSV"),
    ("ppt/", "a PowerPoint presentation", "save it as PDF"),
    ("visio/", "a Visio drawing", "save it as PDF"),
    ("Index/Document.iwa", "a document of Pages, Numbers or Keynote", "export it as PDF or DOCX"),
    ("AndroidManifest.xml", "a program", ""),
    ("META-INF/MANIFEST.MF", "a program", ""),
)
_MIMETYPES: Final = (  # of ZIP archives that say what they are in their first file
    (b"application/vnd.oasis.opendocument.text", "an OpenDocument text", "save it as DOCX or PDF"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "an OpenDocument spreadsheet", "save its sheets as CSV"),
    (b"application/vnd.oasis.opendocument.presentation", "an OpenDocument presentation", "save it as PDF"),
    (b"application/vnd.oasis.opendocument", "an OpenDocument file", "save it as PDF"),
    (b"application/epub+zip", "an EPUB book", "convert it to HTML or text"),
)


def binary_format(name: str, data: bytes) -> Literal["pdf", "docx"] | None:
    """Return the binary format of a file, or None where it may be text.

    Raises:
        UnreadableDocument: it is of a format that is not read; the message names it, and says what to do.
    """
    if data.lstrip(b"\0\t\n\f\r \xef\xbb\xbf").startswith(_PDF):
        return "pdf"
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _in_archive(data)
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        _refuse_compound(data)
    for offset, signature, what, advice in _SIGNATURES:
        if data.startswith(signature, offset):
            _refuse(what, advice)
    if name.lower().endswith(".pdf") and _PDF in data[:_PDF_WITHIN]:
        return "pdf"
    return None


def _in_archive(data: bytes) -> Literal["docx"]:
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise UnreadableDocument("It is a damaged ZIP archive or Office document: upload it again.") from error
    if any(name.startswith("word/") for name in names):
        return "docx"
    for mimetype, what, advice in _MIMETYPES:
        if mimetype in data[:200]:
            _refuse(what, advice)
    for member, what, advice in _MEMBERS:
        if any(name.startswith(member) for name in names):
            _refuse(what, advice)
    raise UnreadableDocument(_unread("a ZIP archive", "unpack it"))


def _refuse_compound(data: bytes) -> NoReturn:
    """Refuse Microsoft's older container, in which encrypted documents of the newer formats are wrapped as well."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise UnreadableDocument(PASSWORD_NEEDED)
    if "__substg1.0_".encode("utf-16-le") in data:
        _refuse("an Outlook message", "save it as EML")
    _refuse("an Office document of the old binary kind", "save it as DOCX or PDF")


def _refuse(what: str, advice: str) -> NoReturn:
    raise UnreadableDocument(_unread(what, advice))


def _unread(what: str, advice: str) -> str:
    return f"It is {what}, which is not read: {advice or _AS_TEXT}."
