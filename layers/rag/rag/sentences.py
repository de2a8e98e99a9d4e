"""Where sentences begin and end, well enough to quote one."""

import re
from collections.abc import Iterator
from typing import Final

# A sentence ends at a line break, or after . ! ? (and closing quotes) before a space and something that can open one.
_BOUNDARY: Final = re.compile(r"\n+|(?<=[.!?])[\"'”’)\]]*\s+(?=[\"'“‘(\[]?[A-Z0-9À-Þ])")
_ABBREVIATION: Final = re.compile(
    r"\b(?:e\.g|i\.e|cf|vs|no|nos|fig|approx|mr|mrs|ms|dr|prof|st|[a-z])\.$", re.IGNORECASE
)


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of each sentence or line, in characters, without the white space around it."""
    start = 0
    for boundary in _BOUNDARY.finditer(text):
        piece = text[start : boundary.start()]
        if "\n" not in boundary[0] and _ABBREVIATION.search(piece):
            continue
        yield from _stripped(text, start, boundary.end())
        start = boundary.end()
    yield from _stripped(text, start, len(text))


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    piece = text[start:end]
    if piece.strip():
        yield start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))
