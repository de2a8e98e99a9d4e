"""Bytes into text: UTF-8, UTF-16, UTF-32 and Windows-1252, or a refusal that names what the bytes are.

Windows-1252 is the last resort because nearly every byte sequence is valid in it. No statistical detector is asked:
on short texts they mistake Western European for its neighbours, and a wrong guess is worse than a rare mojibake.
"""

import codecs
import re
import unicodedata
from typing import Final

from rag.errors import UnreadableDocument

_SIGNATURES: Final = (
    (b"%PDF-", "a PDF file"),
    (b"PK\x03\x04", "a ZIP archive or an Office document"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an Office document of the old binary kind"),
    (b"{\\rtf", "a rich text file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf", "a 7-Zip archive"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
)
_MARKS: Final = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LINE_ENDS: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]")
_CONTROL_BYTES: Final = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1b")
_TOLERATED: Final = 0.01  # control characters in a text that is not binary, as old printers' files hold them


def decoded(data: bytes) -> str:
    """Return the text of a file, cleaned.

    Raises:
        UnreadableDocument: it is a known binary format, or of no encoding that is read here.
    """
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            raise UnreadableDocument(f"It is {name}, which is not read yet: convert it to text, Markdown or HTML.")
    return cleaned(_decode(data))


def cleaned(text: str) -> str:
    """Return the text in Unicode's composed form, as queries are, with only newlines as line ends.

    Control characters go, and lone surrogates, which no encoding could carry to the index.
    """
    return unicodedata.normalize("NFC", _CONTROLS.sub("", _LINE_ENDS.sub("\n", text)))


def _decode(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding)
    if b"\0" in data:
        return _strictly(data, _utf16_without_mark(data))
    if len(data.translate(None, _CONTROL_BYTES)) < len(data) * (1 - _TOLERATED):
        raise UnreadableDocument("It is binary, not text.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return _strictly(data, "cp1252")


def _utf16_without_mark(data: bytes) -> str:
    """Return the byte order in which the text's NULs are the high halves of its ASCII characters."""
    high_first, low_first = data[0::2].count(0), data[1::2].count(0)
    if len(data) % 2 == 0 and max(high_first, low_first) > 10 * min(high_first, low_first):
        encoding = "utf-16-be" if high_first > low_first else "utf-16-le"
        text = data.decode(encoding, "replace")
        if len(_CONTROLS.findall(text)) + text.count("\ufffd") <= len(text) * _TOLERATED:
            return encoding
    raise UnreadableDocument("It is binary, not text.")


def _strictly(data: bytes, encoding: str) -> str:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise UnreadableDocument("It is text in an encoding that is not known: save it as UTF-8.") from error
