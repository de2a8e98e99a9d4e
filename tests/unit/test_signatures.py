"""Binary formats are told by their first bytes, and refused by their own names."""

import zipfile
from io import BytesIO

import pytest

from rag.documents.signatures import binary_format
from rag.errors import UnreadableDocument


def archive(*names: str, first: tuple[str, str] | None = None) -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        for name, content in [*([first] if first else []), *((name, "x") for name in names)]:
            made.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x89PNG\r\n\x1a\n", "PNG"),
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "WebP"),
        (b"{\\rtf1 hello}", "rich text"),
        (b"\x1f\x8b\x08\x00", "gzip"),
        (b"x" * 257 + b"ustar\0", "tar"),
        (b"\0\0\0\x18ftypmp42", "video"),
        (b"\x7fELF\2\1\1", "program"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "old binary kind"),
        (archive("xl/workbook.xml"), "Excel workbook.*CSV"),
        (archive("ppt/presentation.xml"), "PowerPoint.*PDF"),
        (archive(first=("mimetype", "application/vnd.oasis.opendocument.text")), "OpenDocument text"),
        (archive(first=("mimetype", "application/epub+zip")), "EPUB"),
        (archive("a.txt"), "ZIP archive.*unpack"),
        (archive(), "ZIP archive"),
        (archive("word/document.xml")[:60], "damaged"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_format_that_is_not_read_is_named(data: bytes, what: str) -> None:
    with pytest.raises(UnreadableDocument, match=what):
        binary_format("file", data)


def test_an_encrypted_office_document_needs_a_password() -> None:
    with pytest.raises(UnreadableDocument, match="password needed"):
        binary_format("a.docx", b"\xd0\xcf\x11\xe0" + bytes(512) + "EncryptedPackage".encode("utf-16-le"))


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a", b"%PDF-1.7", "pdf"),
        ("a", b"\xef\xbb\xbf\r\n%PDF-1.7", "pdf"),
        ("a.pdf", b"HTTP/1.1 200 OK\r\n\r\n%PDF-1.7", "pdf"),
        ("a.txt", b"A file begins with %PDF-", None),
        ("a", archive("[Content_Types].xml", "word/document.xml"), "docx"),
        ("a", b"PKs are keys", None),
        ("a", b"", None),
    ],
)
def test_formats_that_are_read_are_told_apart(name: str, data: bytes, kind: str | None) -> None:
    assert binary_format(name, data) == kind
