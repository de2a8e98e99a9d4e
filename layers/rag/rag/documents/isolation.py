"""Extraction in a process of its own, so that no document can hang, exhaust or crash the function that reads it.

One child serves document after document. It has limits of time and memory, is not given the function's credentials, and
ends with its parent.
"""

import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import msgspec

from rag.documents import isolated
from rag.documents.document import MAX_TEXT_BYTES, Extracted
from rag.errors import InternalError, UnreadableDocument

_MAX_ANSWER: Final = MAX_TEXT_BYTES + 16_000_000  # the text, and the offsets of a great many pages
_PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")
_START_SECONDS: Final = 30.0
_LEAST_SECONDS: Final = 0.5  # that a document is given, however little is left: most take milliseconds
_FAILED: Final = "It could not be read: it is damaged, or too large for its format. Save it anew, or split it."


class IsolatedExtractor:
    """Calls `rag.documents.extraction.extract` in a child process that is replaced when a document breaks it."""

    def __init__(self, memory_mb: int = 1536, seconds: float = 120.0) -> None:
        self._memory_mb = memory_mb
        self._seconds = seconds
        self._end = math.inf  # of the time that all documents have together
        self._child: _Child | None = None
        self._lock = threading.Lock()

    def allot(self, seconds: float) -> None:
        """Bound the time of all documents from now on together: each may take half of what those before it left.

        So a document that never ends does not take the time of those that are read with it.
        """
        self._end = time.monotonic() + seconds

    def __call__(self, name: str, data: bytes) -> Extracted:
        """Return title and text of the file with this name and content.

        Raises:
            UnreadableDocument: `extract` says so, or it took more time, memory or text than it may.
            InternalError: no child could be started.
        """
        with self._lock:
            if self._child is None or not self._child.is_alive():
                self._discard()
                self._child = _Child(self._memory_mb)
            seconds = min(self._seconds, max(_LEAST_SECONDS, (self._end - time.monotonic()) / 2))
            try:
                mark, is_worn, content = self._child.ask(name, data, seconds)
            except (OSError, EOFError) as error:
                reason = self._reason(self._child, seconds)
                self._discard()
                raise UnreadableDocument(reason) from error
            except BaseException:  # its answer may still come, and would be taken for the next one's
                self._discard()
                raise
            if is_worn or self._child.has_expired:
                self._discard()
        if mark == isolated.REFUSED:
            raise UnreadableDocument(content.decode("utf-8", "replace"))
        try:
            return msgspec.msgpack.decode(content, type=Extracted)
        except msgspec.MsgspecError as error:  # where it failed, there is no content
            raise UnreadableDocument(_FAILED) from error

    def close(self) -> None:
        """End the child; a further call starts another."""
        with self._lock:
            self._discard()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _reason(self, child: "_Child", seconds: float) -> str:
        if child.has_expired:
            return f"It took more than {seconds:.3g} s to read: split it, or save it in a simpler format."
        return f"Reading it took more than {self._memory_mb} MB of memory, or crashed the reader: split it."

    def _discard(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child = None


class _Child:
    """One child process, from its start to its end."""

    def __init__(self, memory_mb: int) -> None:
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in sys.path)
        self._process = subprocess.Popen(  # noqa: S603 # this module itself
            [sys.executable, "-m", isolated.__name__, str(memory_mb)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            bufsize=0,
        )
        assert self._process.stdin is not None  # noqa: S101 # for the type checker: both were asked for
        assert self._process.stdout is not None  # noqa: S101 # the same
        self._requests, self._answers = self._process.stdin.fileno(), self._process.stdout.fileno()
        self.has_expired = False
        try:
            with self._deadline(_START_SECONDS):
                isolated.read(self._answers, len(isolated.READY))
        except (OSError, EOFError) as error:
            self.kill()
            raise InternalError("The reader of documents could not be started; the log tells why.") from error
        except BaseException:
            self.kill()
            raise

    def ask(self, name: str, data: bytes, seconds: float) -> tuple[bytes, bool, bytes]:
        """Return the mark of the child's answer, whether the child is worn out, and the answer's content.

        Raises:
            EOFError, OSError: it died, was killed because its time was over, or answers more than it may.
        """
        encoded = name.encode("utf-8", "surrogatepass")
        with self._deadline(seconds):
            isolated.write(self._requests, isolated.REQUEST.pack(len(encoded), len(data), seconds))
            isolated.write(self._requests, encoded)
            isolated.write(self._requests, data)
            mark, is_worn, size = isolated.ANSWER.unpack(isolated.read(self._answers, isolated.ANSWER.size))
            if size > _MAX_ANSWER:
                raise EOFError("longer than any answer")
            return mark, is_worn, isolated.read(self._answers, size)

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process and wait for its end."""
        with self._process:
            self._process.kill()

    @contextmanager
    def _deadline(self, seconds: float) -> Iterator[None]:
        """Kill the process when the time is over, whatever it and this one wait for: every pipe breaks then."""
        timer = threading.Timer(seconds, self._expire)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()

    def _expire(self) -> None:
        self.has_expired = True
        self._process.kill()
