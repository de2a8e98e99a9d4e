"""A large file of lines, a block of whole lines at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rag.ports import ObjectStore

_BLOCK_BYTES: Final = 1_000_000
_MAX_LINE_BYTES: Final = 16_000_000


class ReplacedMeanwhile(Exception):
    """The object is not the one any more whose first lines were read."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, the first of which has this number. Without data, it is a line that is too long to be read."""

    first_line: int
    data: bytes


def line_blocks(objects: ObjectStore, key: str, etag: str, start: int, end: int) -> Iterator[Block]:
    """Yield the lines of an object from `start`, where one begins, to `end`. What follows a too long one is not read.

    Raises:
        ReplacedMeanwhile: the object has another etag by now, or is gone.
        TransientError: the bucket could not be read.
    """
    line, rest, at = 1, b"", start
    while at < end:
        content = objects.read(key, start=at, end=min(at + _BLOCK_BYTES, end))
        if content is None or content.info.etag != etag or not content.data:
            raise ReplacedMeanwhile
        at += len(content.data)
        data = rest + content.data
        cut = data.rfind(b"\n") + 1 if at < end else len(data)
        block, rest = data[:cut], data[cut:]
        if block:
            yield Block(line, block)
            line += block.count(b"\n")
        if len(rest) > _MAX_LINE_BYTES:
            yield Block(line, b"")
            return
