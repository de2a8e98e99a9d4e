"""PDF files made by hand: pages of text, and the ways in which a PDF can be hard to read."""

import hashlib
import zlib
from collections.abc import Sequence

_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")
_FILE_ID = bytes(16)
_PERMISSIONS = -4


def pdf(
    pages: Sequence[str],
    *,
    title: str = "",
    outline: Sequence[tuple[str, int]] = (),
    streams: Sequence[bytes] | None = None,
    password: str = "",
) -> bytes:
    """Return a PDF with a page for each text, one line of it a line of the page.

    `outline` names headings and the index of their page; `streams` replaces the pages' contents, deflated already.
    """
    contents = [zlib.compress(_content(page)) for page in pages] if streams is None else list(streams)
    first_page = 4
    first_entry = first_page + 2 * len(contents)
    kids = " ".join(f"{first_page + 2 * number} 0 R" for number in range(len(contents)))
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /Outlines {first_entry} 0 R >>".encode(),
        f"<< /Type /Pages /Kids [{kids}] /Count {len(contents)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for number, content in enumerate(contents):
        objects += [
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F 3 0 R >> >> "
            b"/Contents %d 0 R >>" % (first_page + 2 * number + 1),
            b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(content), content),
        ]
    objects += _outline(outline, first_entry, first_page)
    objects.append(b"<< /Title (%s) >>" % _escaped(title))
    trailer = b"/Root 1 0 R /Info %d 0 R" % len(objects)
    if password:
        objects.append(_encryption(password.encode()))
        trailer += b" /Encrypt %d 0 R /ID [<%s> <%s>]" % (
            len(objects),
            _FILE_ID.hex().encode(),
            _FILE_ID.hex().encode(),
        )
    return _file(objects, trailer)


def _content(text: str) -> bytes:
    lines = b"".join(b"(%s) Tj T*\n" % _escaped(line) for line in text.split("\n"))
    return b"BT /F 10 Tf 12 TL 40 760 Td\n%sET" % lines


def _escaped(text: str) -> bytes:
    return text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")


def _outline(entries: Sequence[tuple[str, int]], number: int, first_page: int) -> list[bytes]:
    root = b"<< /Type /Outlines >>"
    if entries:
        root = b"<< /Type /Outlines /First %d 0 R /Last %d 0 R >>" % (number + 1, number + len(entries))
    items = [root]
    for position, (words, page) in enumerate(entries, start=1):
        following = b" /Next %d 0 R" % (number + position + 1) if position < len(entries) else b""
        target = first_page + 2 * page
        items.append(
            b"<< /Title (%s) /Parent %d 0 R%s /Dest [%d 0 R /Fit] >>" % (_escaped(words), number, following, target)
        )
    return items


def _encryption(password: bytes) -> bytes:
    """Return the dictionary of the standard security handler, revision 2: a password is needed to open the file."""
    padded = (password + _PADDING)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    permissions = _PERMISSIONS.to_bytes(4, "little", signed=True)
    user = _rc4(hashlib.md5(padded + owner + permissions + _FILE_ID).digest()[:5], _PADDING)
    return b"<< /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P %d >>" % (
        owner.hex().encode(),
        user.hex().encode(),
        _PERMISSIONS,
    )


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def _file(objects: Sequence[bytes], trailer: bytes) -> bytes:
    parts, offsets, length = [b"%PDF-1.4\n"], list[int](), 9
    for number, content in enumerate(objects, start=1):
        part = b"%d 0 obj\n%s\nendobj\n" % (number, content)
        offsets.append(length)
        parts.append(part)
        length += len(part)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    parts.append(b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, table))
    parts.append(b"trailer << /Size %d %s >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, length))
    return b"".join(parts)
