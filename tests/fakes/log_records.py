"""What a function's workers wrote into the log that they share, record by record."""

import json
from collections.abc import Iterator
from typing import Any

_DECODER = json.JSONDecoder()


def records(log: str) -> Iterator[dict[str, Any]]:
    """Yield the JSON objects of a log; lines that begin with none are the runtime's own.

    A line may hold several: the runtime writes a record and its line break apart, so that two workers' may mingle.

    Raises:
        ValueError: a line begins with an object and goes on with something else.
    """
    for line in log.split("\n"):
        at = 0
        while line.startswith("{", at):
            record, at = _DECODER.raw_decode(line, at)
            yield record
        if at and at < len(line):
            raise ValueError(f"{line[at:][:80]!r} stands behind a record")
