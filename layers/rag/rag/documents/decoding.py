"""Bytes into text: UTF-8, UTF-16, UTF-32 and Windows-1252.

Windows-1252 is the last resort because nearly every byte sequence is valid in it. No statistical detector is asked:
on short texts they mistake Western European for its neighbours, and a wrong guess is worse than a rare mojibake.
"""

import codecs
import re
from typing import Final

from rag.errors import UnreadableDocument

_MARKS: Final = (  # UTF-32 first: its little-endian mark begins with UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff]")
_ENCODED: Final = re.compile("[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_C1: Final = re.compile("[\x80-\x9f]")
_CONTROL_BYTES: Final = bytes(byte for byte in range(32) if byte not in b"\t\n\v\f\r\x1b")
_TOLERATED: Final = 0.01  # control characters in a text that is not binary, as old printers' files hold them


def decoded(data: bytes) -> str:
    """Return the text of a file, as it is.

    Raises:
        UnreadableDocument: it is binary, or of no encoding that is read here.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding)
    if b"\0" in data:
        return _strictly(data, _utf16_without_mark(data))
    if len(data.translate(None, _CONTROL_BYTES)) < len(data) * (1 - _TOLERATED):
        raise UnreadableDocument("It is binary, not text.")
    try:
        return _encoded_once(data.decode("utf-8"))
    except UnicodeDecodeError:
        return _strictly(data, "cp1252")


def _encoded_once(text: str) -> str:
    """Return the text, mended where it was encoded as UTF-8 twice, of which C1 controls are the sure sign."""
    if text.isascii() or not any(_C1.search(found[0]) for found in _ENCODED.finditer(text)):
        return text
    return _ENCODED.sub(lambda found: found[0].encode("latin-1").decode("utf-8", "replace"), text)


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
