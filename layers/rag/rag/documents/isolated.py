"""The child of `rag.documents.isolation`: reads documents that it is sent through a pipe, one after the other.

A request is the lengths of name and content, the seconds that there are, and both. An answer is a mark, whether the
child is worn out, a length, and as many bytes.
"""

import math
import os
import signal
import struct
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from rag.documents.document import Extracted
from rag.errors import UnreadableDocument

REQUEST: Final = struct.Struct("<IQd")
ANSWER: Final = struct.Struct("<c?Q")
READY: Final = b"+"
EXTRACTED: Final = b"e"
REFUSED: Final = b"r"
FAILED: Final = b"f"

_PIPE_BYTES: Final = 1_048_576  # read or written at once
_WORN_OUT: Final = 0.5  # of its memory: freed memory stays the process's, and the next document would have the rest


def read(descriptor: int, size: int) -> bytes:
    """Return that many bytes from a pipe.

    Raises:
        EOFError: the other side closed the pipe before.
    """
    parts, missing = list[bytes](), size
    while missing:
        part = os.read(descriptor, min(missing, _PIPE_BYTES))
        if not part:
            raise EOFError("the pipe was closed")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def write(descriptor: int, data: bytes) -> None:
    """Write all bytes to a pipe."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view[:_PIPE_BYTES]) :]


def serve(memory_mb: int) -> None:
    """Answer requests until the parent closes the pipe: the life of a child."""
    requests, answers = os.dup(0), os.dup(1)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 0)
    os.dup2(quiet, 1)  # what a library prints is no answer
    _limit_memory(memory_mb)
    from rag.documents.extraction import extract

    write(answers, READY)
    os.dup2(quiet, 2)  # nor fit for a log: it may quote the document
    with suppress(EOFError, BrokenPipeError):
        while True:
            name_size, size, seconds = REQUEST.unpack(read(requests, REQUEST.size))
            name = read(requests, name_size).decode("utf-8", "surrogatepass")
            signal.alarm(math.ceil(seconds) + 1)  # should the parent be gone, nobody else ends this
            mark, content = _answer(extract, name, read(requests, size))
            signal.alarm(0)
            write(answers, ANSWER.pack(mark, _used_megabytes() > memory_mb * _WORN_OUT, len(content)))
            write(answers, content)


def _answer(extract: Callable[[str, bytes], Extracted], name: str, data: bytes) -> tuple[bytes, bytes]:
    try:
        return EXTRACTED, msgspec.msgpack.encode(extract(name, data))
    except UnreadableDocument as error:
        return REFUSED, str(error).encode()
    except MemoryError:
        os._exit(1)  # there may be none left to say so
    except Exception:  # noqa: BLE001 # no reader foresees all that a hostile document can do to its library
        return FAILED, b""


def _limit_memory(megabytes: int) -> None:
    """Bound the address space, where the platform can."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (megabytes * 1_000_000,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, ValueError, OSError):
        return


def _used_megabytes() -> float:
    """Return the most memory that this process ever held."""
    with suppress(OSError, StopIteration):  # the platform's own figure counts what the parent held, too
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1_000
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1_000_000 if sys.platform == "darwin" else 1_000)


if __name__ == "__main__":
    serve(int(sys.argv[1]))
