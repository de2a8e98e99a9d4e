"""What `rag ingest` is given, as files to upload: single files and directories of this machine."""

import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Protocol

from rag.ingestion.changes import is_record_file
from rag.objects import SIDECAR_SUFFIX
from ragctl.failure import Failure
from ragctl.rendering import printable


@dataclass(frozen=True)
class Stored:
    """An object as the bucket confirmed it; `version` is its version id, or its etag where it has none."""

    etag: str
    version: str

    @classmethod
    def told(cls, etag: str, version_id: str | None) -> "Stored":
        """Return what an answer of S3 says, without the quotes of its etag."""
        etag = etag.strip('"')
        return cls(etag, version_id if version_id and version_id != "null" else etag)


class Source(Protocol):
    """A file to ingest. `path` is its place below the tenant, and its document's id unless it holds records."""

    @property
    def path(self) -> str:
        """Its place below the tenant."""
        ...

    @property
    def size(self) -> int:
        """Bytes."""
        ...

    def equals(self, etag: str) -> bool:
        """Tell whether an object of the same size and with this etag holds the same."""
        ...

    def put(self, s3: Any, bucket: str, key: str) -> Stored:
        """Store it as an object.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def open(self) -> IO[bytes]:
        """Open it for reading.

        Raises:
            OSError: it cannot be read.
        """
        ...

    def sidecar(self) -> bytes | None:
        """Return what stands beside it in `<file>.metadata.json`, if there is one.

        Raises:
            OSError: it cannot be read.
        """
        ...


@dataclass(frozen=True)
class LocalFile:
    """A file of this machine."""

    path: str
    file: Path
    size: int
    sidecar_file: Path | None = None

    def equals(self, etag: str) -> bool:
        """Tell whether an object with this etag holds the same: that of one simple upload is the content's MD5."""
        try:
            with self.file.open("rb") as stream:
                return hashlib.file_digest(stream, _md5).hexdigest() == etag
        except OSError:
            return False

    def put(self, s3: Any, bucket: str, key: str) -> Stored:
        """Store it as an object."""
        with self.file.open("rb") as stream:
            answer = s3.put_object(Bucket=bucket, Key=key, Body=stream)
        return Stored.told(answer["ETag"], answer.get("VersionId"))

    def open(self) -> IO[bytes]:
        """Open it for reading."""
        return self.file.open("rb")

    def sidecar(self) -> bytes | None:
        """Return what stands beside it in `<file>.metadata.json`, if there is one."""
        return self.sidecar_file.read_bytes() if self.sidecar_file else None


def local_files(path: Path, passed_over: Counter[str] | None = None) -> list[LocalFile]:
    """Return the files of this path or directory, in an order that does not change.

    A file's path is that below the directory given, or its name where it is given itself. Files and directories whose
    names begin with a dot are passed over, links to directories and out of the directory not followed; a sidecar
    belongs to the file beside it. What is passed over is counted in `passed_over`, by its reason.

    Raises:
        Failure: a sidecar is given in place of its document, or a path does not exist.
    """
    counts: Counter[str] = Counter() if passed_over is None else passed_over
    return list(_below(path, counts) if path.is_dir() else _single(path))


def passed_over_line(directory: str, passed_over: Mapping[str, int]) -> str:
    """Say what of a directory was passed over, and why."""
    counts = ", ".join(f"{number:,} {reason}" for reason, number in passed_over.items())
    return f"Passed over in {printable(directory)}: {counts}."


def checked(sources: Sequence[Source]) -> Sequence[Source]:
    """Return the sources, no two of which have one path.

    Raises:
        Failure: two have.
    """
    seen: set[str] = set()
    for source in sources:
        if source.path in seen:
            raise Failure(
                f"Two of the files would be the document {source.path}: ids are paths below the directory given. "
                "Ingest a directory that holds both, or one after the other."
            )
        seen.add(source.path)
    return sources


def count_documents(sources: Sequence[Source]) -> int:
    """Return about how many documents the files hold; of records on this machine it counts the lines."""
    return sum(
        _lines_in(source.file) if isinstance(source, LocalFile) and is_record_file(source.path) else 1
        for source in sources
    )


def is_sidecar(path: str) -> bool:
    """Tell whether a file of this name says something about the one beside it."""
    name = PurePosixPath(path).name
    return name.endswith(SIDECAR_SUFFIX) and name != SIDECAR_SUFFIX


def _single(file: Path) -> Iterator[LocalFile]:
    if is_sidecar(file.name):
        document = file.name.removesuffix(SIDECAR_SUFFIX)
        raise Failure(f"{file} describes a document: give the document, {document}, and it goes with it.")
    beside = file.with_name(file.name + SIDECAR_SUFFIX)
    try:
        yield LocalFile(file.name, file, file.stat().st_size, beside if beside.is_file() else None)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.") from error


def _below(directory: Path, passed_over: Counter[str]) -> Iterator[LocalFile]:
    files, elsewhere = _files_below(directory, passed_over)
    sidecars = {file for file in files if is_sidecar(file.name)}
    for file in files:
        if file in sidecars:
            continue
        beside = file.with_name(file.name + SIDECAR_SUFFIX)
        if beside in elsewhere:  # without what it says, too many might read the document
            passed_over["described by a sidecar that is so linked"] += 1
            continue
        path = file.relative_to(directory).as_posix()
        yield LocalFile(path, file, file.stat().st_size, beside if beside in sidecars else None)


def _files_below(directory: Path, passed_over: Counter[str]) -> tuple[list[Path], set[Path]]:
    """Return the files in order, and the links that are not followed."""
    files: list[Path] = []
    elsewhere: set[Path] = set()
    inside = directory.resolve()
    for place, folders, names in os.walk(directory):
        for name in (*names, *folders):
            entry = Path(place, name)
            if name.startswith("."):
                passed_over["hidden"] += 1
            elif entry.is_symlink() and not (entry.is_file() and entry.resolve().is_relative_to(inside)):
                passed_over["linked to a directory, out of this one or to nothing"] += 1
                elsewhere.add(entry)
            elif entry.is_file():
                files.append(entry)
            elif not entry.is_dir():
                passed_over["neither file nor directory"] += 1
        folders[:] = [name for name in folders if not name.startswith(".")]
    return sorted(files), elsewhere


def _lines_in(file: Path) -> int:
    try:
        with file.open("rb") as stream:
            return sum(1 for _ in stream)
    except OSError:
        return 1


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)
