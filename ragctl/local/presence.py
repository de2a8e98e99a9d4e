"""Whether a local stack runs on a data directory, and which: a lock that ends with its process, and a description."""

import fcntl
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from threading import Event
from time import monotonic
from typing import IO, Any

from ragctl.failure import Failure
from ragctl.local.embedding_choice import EMBEDDING_FILE

_LOCK = "lock"
_DESCRIPTION = "stack.json"
_OURS = {_LOCK, _DESCRIPTION, f"{_DESCRIPTION}.new", EMBEDDING_FILE, "issuer.pem", "journal", "logs", "milvus"}
_STOP_SECONDS = 30.0
_LOOK_SECONDS = 0.02


@dataclass(frozen=True)
class Presence:
    """What a running local stack tells about itself."""

    pid: int
    port: int
    endpoint: str
    api_url: str | None = None  # where the HTTP API is, if the template has one
    ready: bool = False
    services: Mapping[str, str] = field(default_factory=dict)  # name to URL
    functions: list[str] = field(default_factory=list)
    outputs: Mapping[str, str] = field(default_factory=dict)
    stands_in_for: list[str] = field(default_factory=list)

    def write(self, data: Path) -> None:
        """Publish this in the data directory."""
        unfinished = data / f"{_DESCRIPTION}.new"
        unfinished.write_text(json.dumps(asdict(self), indent=2) + "\n", encoding="utf-8")
        unfinished.replace(data / _DESCRIPTION)


class AlreadyRunningError(Exception):
    """Another local stack uses the data directory."""


@contextmanager
def claimed(data: Path) -> Iterator[None]:
    """Hold the data directory for this process.

    Raises:
        AlreadyRunningError: another one holds it.
    """
    _make_private(data)
    with (data / _LOCK).open("a") as lock:
        if not _lock(lock) and not _lock_after_glance(lock):
            raise AlreadyRunningError
        (data / _DESCRIPTION).unlink(missing_ok=True)  # a killed one left it
        try:
            yield
        finally:
            (data / _DESCRIPTION).unlink(missing_ok=True)


def find(data: Path) -> Presence | None:
    """Return the local stack that runs on a data directory, if one does."""
    if not _is_held(data):
        return None
    try:
        return Presence(**json.loads((data / _DESCRIPTION).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def stop(data: Path) -> bool:
    """End the local stack of a data directory and all it started; return False if none was running."""
    running = find(data)
    if running is None:
        return False
    os.kill(running.pid, signal.SIGTERM)
    if not _await_release(data):
        os.kill(running.pid, signal.SIGKILL)
        _await_release(data)
    return True


def _await_release(data: Path) -> bool:
    deadline = monotonic() + _STOP_SECONDS
    pause = Event()
    while _is_held(data):
        if monotonic() > deadline:
            return False
        pause.wait(_LOOK_SECONDS)
    return True


def _is_held(data: Path) -> bool:
    try:
        with (data / _LOCK).open("rb") as lock:
            return not _lock(lock)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise Failure(f"{data} cannot be used: {error.strerror} ({error.filename}).") from error


def _make_private(data: Path) -> None:
    """Create the directory, for nobody else to look into: what was loaded is in it."""
    for directory in [*reversed(data.parents), data]:
        if not directory.exists():
            directory.mkdir(mode=0o700, exist_ok=True)
    if {entry.name for entry in data.iterdir()} <= _OURS:  # it may be the current directory, or /tmp
        data.chmod(0o700)


def _lock_after_glance(file: IO[Any]) -> bool:
    """Try once more: somebody may just have looked whether it is held."""
    Event().wait(_LOOK_SECONDS)
    return _lock(file)


def _lock(file: IO[Any]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
