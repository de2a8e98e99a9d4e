"""The local stack's memory on disk: an append-only file of keys and their latest states.

A line is `[key, state]`, a state of null meaning gone. Whoever changes something records the state that came of it
before telling anyone, so that a kill loses nothing that was answered. (It is written, not synced: a power cut may.)
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any, Self

Key = tuple[str, ...]
State = Any  # JSON, in which bytes may stand for themselves

_FILE = "journal.jsonl"
_BLOBS = "blobs"
_BYTES = "$bytes"


class Journal:
    """Opened, it holds the states of the last run in `restored`, and has forgotten everything older."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)  # secrets are in it, in plain text
        self._directory = directory
        self._lock = Lock()
        self.restored: Mapping[Key, State] = _latest(directory / _FILE)
        self._rewrite(self.restored)
        self._file = (directory / _FILE).open("ab")

    def record(self, changes: Iterable[tuple[Key, State]]) -> None:
        """Append these states, in one write."""
        if lines := _lines(changes):
            with self._lock:
                self._file.write(lines)
                self._file.flush()

    def store_blob(self, content: bytes) -> str:
        """Keep bytes that are too large for a line, and return the name to put into a state as `{"blob": name}`."""
        name = sha256(content).hexdigest()
        path = self._directory / _BLOBS / name
        if not path.exists():
            path.parent.mkdir(exist_ok=True, mode=0o700)
            unfinished = path.with_suffix(f".{os.getpid()}-{id(content)}")
            unfinished.write_bytes(content)
            unfinished.replace(path)
        return name

    def load_blob(self, name: str) -> bytes:
        """Return what was stored by this name."""
        return (self._directory / _BLOBS / name).read_bytes()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rewrite(self, states: Mapping[Key, State]) -> None:
        """Replace the file by one line per key, and drop the blobs that no state names."""
        unfinished = self._directory / f"{_FILE}.new"
        with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(_lines(states.items()))
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._directory / _FILE)
        named = {state["blob"] for state in states.values() if isinstance(state, dict) and "blob" in state}
        blobs = self._directory / _BLOBS
        for blob in blobs.iterdir() if blobs.is_dir() else ():
            if blob.name not in named:
                blob.unlink()


def _lines(changes: Iterable[tuple[Key, State]]) -> bytes:
    return b"".join(json.dumps([key, state], default=_encoded).encode() + b"\n" for key, state in changes)


def _encoded(value: object) -> Mapping[str, str]:
    if isinstance(value, bytes):
        return {_BYTES: b64encode(value).decode()}
    raise TypeError(type(value).__name__)


def _decoded(value: dict[str, Any]) -> Any:
    return b64decode(value[_BYTES]) if value.keys() == {_BYTES} else value


def glance(directory: Path, part: str) -> Mapping[Key, State]:
    """Return the states whose keys have a part that begins so, without opening the journal; and maybe some others."""
    return _latest(directory / _FILE, json.dumps(part)[1:-1].encode())


def _latest(file: Path, within: bytes = b"") -> dict[Key, State]:
    """Return the last state of each key that a file has, skipping lines that are torn or no `[key, state]`.

    Only lines that hold the bytes `within` are read.
    """
    states: dict[Key, State] = {}
    for line in file.read_bytes().splitlines() if file.exists() else ():
        if within not in line:
            continue
        try:
            entry = json.loads(line, object_hook=_decoded)
        except ValueError:
            continue
        if not _is_entry(entry):
            continue
        key, state = tuple(entry[0]), entry[1]
        states.pop(key, None)  # so that the order is that of the latest changes
        if state is not None:
            states[key] = state
    return states


def _is_entry(entry: object) -> bool:
    match entry:
        case [[*key], _]:
            return bool(key) and all(isinstance(part, str) for part in key)
    return False
