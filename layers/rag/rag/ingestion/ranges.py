"""Cuts a large file of lines into ranges without reading it: only around each cut."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Final

from rag.ingestion.blocks import ReplacedMeanwhile
from rag.objects import ObjectInfo
from rag.ports import ObjectStore

RANGE_BYTES: Final = 1_000_000

_PROBE_BYTES: Final = 64 * 1024
_READERS: Final = 16


def line_ranges(objects: ObjectStore, info: ObjectInfo, range_bytes: int = RANGE_BYTES) -> Iterator[tuple[int, int]]:
    """Yield ranges of about `range_bytes`, each from the start of a line to the end of one; none of an empty file.

    Raises:
        ReplacedMeanwhile: the object has another etag by now, or is gone.
        TransientError: the bucket could not be read.
    """
    with ThreadPoolExecutor(_READERS, thread_name_prefix="cut") as readers:
        cuts = readers.map(lambda at: _line_end(objects, info, at), range(range_bytes, info.size, range_bytes))
        yield from pairwise(sorted({0, info.size, *cuts}))


def _line_end(objects: ObjectStore, info: ObjectInfo, at: int) -> int:
    """Return where the line ends that holds the byte before `at`."""
    at -= 1
    while at < info.size:
        content = objects.read(info.key, start=at, end=min(at + _PROBE_BYTES, info.size))
        if content is None or content.info.etag != info.etag or not content.data:
            raise ReplacedMeanwhile
        found = content.data.find(b"\n")
        if found >= 0:
            return at + found + 1
        at += len(content.data)
    return info.size
