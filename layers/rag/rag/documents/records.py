"""Records as documents: each line of a JSONL file, as BEIR's `corpus.jsonl` has them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from rag.cleaning import cleaned
from rag.documents.attributes import parse_metadata
from rag.documents.document import Rejected
from rag.documents.extraction import shortened_title
from rag.documents.naming import check_id, printable
from rag.errors import InvalidRequest, UnreadableDocument
from rag.models import Metadata

MAX_RECORD_BYTES: Final = 16 * 1024 * 1024

_MARK: Final = b"\xef\xbb\xbf"


class _Line(msgspec.Struct):
    id: str = msgspec.field(name="_id")
    text: str
    title: str | None = None
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its text, or its title where it has no text, and the SHA-256 of its line, in hexadecimal."""

    id: str
    title: str
    text: str
    metadata: Metadata
    digest: str
    stripped: int = 0


def records(source: str, data: bytes, first_line: int = 1) -> Iterator[Record | Rejected]:
    """Yield the records of a file, or of whole lines of it, the first of which has this number.

    A line is an object with `_id`, `text`, and perhaps `title` and `metadata`. One that is not is rejected under the
    file's name and the line's number, and the next one is read. Blank lines are passed over.
    """
    at, number = 0, first_line
    while at < len(data):
        end = data.find(b"\n", at)
        end = len(data) if end < 0 else end
        line = data[at:end].removesuffix(b"\r")
        if line.strip():
            yield record(f"{printable(source)}:{number}", line.removeprefix(_MARK) if number == 1 else line)
        at, number = end + 1, number + 1


def record(place: str, line: bytes) -> Record | Rejected:
    """Return the record that a line holds; `place` names the line where it cannot name itself."""
    if len(line) > MAX_RECORD_BYTES:
        return Rejected(place, f"The line is longer than {MAX_RECORD_BYTES} bytes.")
    try:
        read = msgspec.json.decode(line, type=_Line)
        check_id(read.id)
        metadata = parse_metadata(read.metadata)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError, UnicodeEncodeError):
        return Rejected(place, 'The line is not a record with the strings "_id" and "text".')
    except (InvalidRequest, UnreadableDocument) as error:
        return Rejected(place, str(error))
    title, text = cleaned(read.title or ""), cleaned(read.text)
    words = shortened_title(title.text)
    if not (text.text.strip() or words):
        return Rejected(printable(read.id), "It holds no text.")
    digest = hashlib.sha256(line).hexdigest()
    content = text.text if text.text.strip() else words
    return Record(read.id, words, content, metadata, digest, title.stripped + text.stripped)
