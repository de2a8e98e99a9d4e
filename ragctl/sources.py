"""Files on this machine as documents: single files, directories, and BEIR's `corpus.jsonl`."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from rag.documents.attributes import Attributes
from rag.documents.document import Document, Rejected
from rag.documents.reading import printable, read_file, read_records

MAX_FILE_BYTES: Final = 100_000_000  # records are read one by one, so a file of them may be of any size

_RECORDS: Final = {".jsonl", ".ndjson"}


def documents_of(paths: Sequence[Path], attributes: Attributes) -> Iterator[Document | Rejected]:
    """Yield the documents of these files and directories, in an order that does not change.

    A document's id is its file's path below the directory given, or the name of a file given itself, or a record's
    `_id`. Files and directories whose names begin with a dot are passed over, links to directories not followed.
    """
    for path in paths:
        if path.is_dir():
            for file in sorted(_files_below(path)):
                yield from _documents_in(file, file.relative_to(path).as_posix(), attributes)
        else:
            yield from _documents_in(path, path.name, attributes)


def _files_below(directory: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(directory):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            file = Path(folder, name)
            if not name.startswith(".") and file.is_file():
                yield file


def _documents_in(file: Path, name: str, attributes: Attributes) -> Iterator[Document | Rejected]:
    try:
        if file.suffix.lower() in _RECORDS:
            with file.open("rb") as stream:
                yield from read_records(name, stream, attributes)
        elif file.stat().st_size > MAX_FILE_BYTES:
            yield Rejected(printable(name), f"It is larger than {MAX_FILE_BYTES // 1_000_000} MB: split it.")
        else:
            yield read_file(name, file.read_bytes(), attributes)
    except OSError as error:
        yield Rejected(printable(name), f"It cannot be read: {error.strerror}.")


def count_documents(paths: Sequence[Path]) -> int:
    """Return about how many documents `documents_of` will yield; of records it counts the lines."""
    files = (file for path in paths for file in (_files_below(path) if path.is_dir() else (path,)))
    return sum(_lines_in(file) if file.suffix.lower() in _RECORDS else 1 for file in files)


def _lines_in(file: Path) -> int:
    try:
        with file.open("rb") as stream:
            return sum(1 for _ in stream)
    except OSError:
        return 1
