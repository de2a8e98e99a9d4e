"""Bytes into documents: a file is one, and each record of a BEIR `corpus.jsonl` is one."""

from collections.abc import Iterator
from typing import IO, Any, Final

import msgspec

from rag.documents.attributes import Attributes, parse_metadata
from rag.documents.decoding import cleaned
from rag.documents.document import Document, Rejected
from rag.documents.extraction import extract, shortened_title
from rag.errors import InvalidRequest, UnreadableDocument

MAX_ID_BYTES: Final = 1_024  # as S3 has it for keys
MAX_RECORD_BYTES: Final = 16 * 1024 * 1024


class _Record(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    text: str
    title: str | None = None
    metadata: dict[str, Any] | None = None


def read_file(document_id: str, data: bytes, attributes: Attributes) -> Document | Rejected:
    """Return the document that a file holds. Its id names the file, and is its source as well."""
    try:
        _check_id(document_id)
        extracted = extract(document_id, data)
    except UnreadableDocument as error:
        return Rejected(printable(document_id), str(error))
    return Document(document_id, extracted.title, document_id, extracted.text, attributes.groups, attributes.metadata)


def read_records(source: str, stream: IO[bytes], attributes: Attributes) -> Iterator[Document | Rejected]:
    """Yield the documents of a `corpus.jsonl`: one object a line, with `_id`, `text`, and perhaps `title`, `metadata`.

    A line that is no such record is rejected under the file's name and the line's number, and the next one is read.
    """
    number = 0
    while line := stream.readline(MAX_RECORD_BYTES):
        number += 1
        place = f"{printable(source)}:{number}"
        if len(line) == MAX_RECORD_BYTES and not line.endswith(b"\n"):
            yield Rejected(
                place, f"The line is longer than {MAX_RECORD_BYTES} bytes; the rest of the file is not read."
            )
            return
        if number == 1:
            line = line.removeprefix(b"\xef\xbb\xbf")
        if line.strip():
            yield _read_record(place, source, line, attributes)


def printable(document_id: str) -> str:
    """Return the id as it can be shown and logged."""
    shown = "".join(character if character.isprintable() else "\ufffd" for character in document_id)
    return shown if len(shown) <= MAX_ID_BYTES else shown[:MAX_ID_BYTES] + "…"


def _read_record(place: str, source: str, line: bytes, attributes: Attributes) -> Document | Rejected:
    try:
        record = msgspec.json.decode(line, type=_Record)
        _check_id(record.id)
        own = attributes.with_own(parse_metadata(record.metadata))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return Rejected(place, 'The line is not a record with the strings "_id" and "text".')
    except (InvalidRequest, UnreadableDocument) as error:
        return Rejected(place, str(error))
    title = shortened_title(cleaned(record.title or ""))
    text = cleaned(record.text)
    if not (text.strip() or title):
        return Rejected(printable(record.id), "It holds no text.")
    return Document(record.id, title, source, text if text.strip() else title, own.groups, own.metadata)


def _check_id(document_id: str) -> None:
    """Refuse an id that could be stored and then never be named again.

    Raises:
        UnreadableDocument: it is empty, too long, or holds characters that do not print.
    """
    if not document_id.strip() or not document_id.isprintable():
        raise UnreadableDocument("Its id is empty or holds control characters or other that do not print.")
    if len(document_id.encode()) > MAX_ID_BYTES:
        raise UnreadableDocument(f"Its id is longer than {MAX_ID_BYTES} bytes.")
