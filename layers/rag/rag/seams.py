"""Where a text may be cut: before headings, paragraphs, items, rows and sentences, in this order of preference.

Whatever else is between two seams belongs together: a heading and what follows it, a table's head and its first row.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from rag.documents.headings import Heading

TOGETHER: Final = 0  # what follows belongs to what precedes: a cut where nothing else fits
SENTENCE: Final = 1
LINE: Final = 2
PARAGRAPH: Final = 3
HEADING: Final = 4  # and more, the higher the heading

_LOWEST_HEADING: Final = 6
_MAX_TABLE_HEAD: Final = 200  # characters
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})")
_ITEM: Final = re.compile(r"[ \t]*(?:[-*+•]|\d{1,9}[.)])[ \t]")
_TABLE_RULE: Final = re.compile(r"[-:| \t]*--[-:| \t]*$")
_STOP: Final = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’)\]*_]*+\s++(?![a-z])"
    r"|(?<![\u3002\uff01\uff1f])[\u3002\uff01\uff1f]++[\u300d\u300f”’]*+\s*+"  # Chinese and Japanese
)
_ABBREVIATION: Final = re.compile(
    r"\b(?:[A-Z]|[A-Za-z]\.[A-Za-z]|Mr|Mrs|Ms|Dr|Prof|St|vs|etc|ca|cf|al|Inc|Ltd|Co|Nos?|Figs?|Eq|Sec|Art|Ch|pp|Vol)\.\s"
)
_LONGEST_ABBREVIATION: Final = 5


class Seam(NamedTuple):
    """A place where a text may be cut, and how good a place that is.

    `table` is the head of the table whose row begins here. A `whole` block has no sentences: a row, a line of code.
    """

    position: int
    strength: int
    table: str = ""
    whole: bool = False


def seams(text: str, headings: list[Heading]) -> Iterator[Seam]:
    """Yield the seams of a text in order, the first of them at its first line that is not blank."""
    block: Seam | None = None
    for line in _Lines(text, headings).seams():
        if block is not None:
            yield from _with_sentences(text, block, line.position)
        block = line
    if block is not None:
        yield from _with_sentences(text, block, len(text))


def _with_sentences(text: str, block: Seam, end: int) -> Iterator[Seam]:
    yield block
    if block.whole:
        return
    for stop in _STOP.finditer(text, block.position, end):
        before = max(block.position, stop.start() - _LONGEST_ABBREVIATION)
        if stop.end() < end and not _ABBREVIATION.search(text, before, stop.end()):
            yield Seam(stop.end(), SENTENCE)


class _Lines:
    """Walks the lines of a text and tells where one begins something, instead of going on with the line before."""

    def __init__(self, text: str, headings: list[Heading]) -> None:
        self._text = text
        self._headings = iter(headings)
        self._heading = next(self._headings, None)
        self._fence = ""
        self._rows: list[str] = []  # of the table that the line before is in, as far as they tell its head
        self._head = ""
        self._after_blank = True
        self._after_heading = False
        self._after_block = False

    def seams(self) -> Iterator[Seam]:
        start = 0
        while start < len(self._text):
            newline = self._text.find("\n", start)
            end = len(self._text) if newline < 0 else newline
            line = self._text[start:end]
            if not line.strip():
                self._after_blank = True
                self._leave_table()
            elif (seam := self._seam(start, line)) is not None:
                yield seam
            start = end + 1

    def _seam(self, start: int, line: str) -> Seam | None:
        after_blank, self._after_blank = self._after_blank, False
        after_heading, self._after_heading = self._after_heading, False
        after_block, self._after_block = self._after_block, False
        if self._is_in_heading(start):
            return self._heading_seam(start, after_heading)
        otherwise = TOGETHER if after_heading else PARAGRAPH if after_blank else LINE
        if self._fence or _FENCE.match(line):
            return self._code_seam(start, line, otherwise)
        if line.lstrip().startswith("|") or line.count("|") > 1:
            return self._row_seam(start, line, otherwise)
        self._leave_table()
        if after_heading or after_blank or after_block or _ITEM.match(line):
            return Seam(start, otherwise)
        return None

    def _is_in_heading(self, start: int) -> bool:
        while self._heading is not None and self._heading.end <= start:
            self._heading = next(self._headings, None)
        return self._heading is not None and self._heading.start <= start

    def _heading_seam(self, start: int, after_heading: bool) -> Seam | None:
        self._leave_table()
        self._after_heading = True
        if self._heading is None or self._heading.start != start:  # the line under it
            return None
        strength = HEADING + _LOWEST_HEADING - self._heading.level
        return Seam(start, TOGETHER if after_heading else strength, whole=True)

    def _code_seam(self, start: int, line: str, otherwise: int) -> Seam | None:
        opened = _FENCE.match(line)
        if not self._fence:
            self._fence = opened[1] if opened else ""
            return Seam(start, otherwise, whole=True)
        if opened and opened[1].startswith(self._fence):
            self._fence = ""
            self._after_block = True
            return None
        return Seam(start, LINE, whole=True)

    def _row_seam(self, start: int, line: str, otherwise: int) -> Seam:
        self._after_block = True
        if len(self._rows) == 1 and _TABLE_RULE.match(line):
            self._head = _head(self._rows[0])
            strength = TOGETHER
        else:
            strength = TOGETHER if len(self._rows) == 2 and self._head else otherwise
        if len(self._rows) < 3:
            self._rows.append(line)
        return Seam(start, strength, self._head if len(self._rows) > 2 else "", whole=True)

    def _leave_table(self) -> None:
        self._rows, self._head = [], ""


def _head(row: str) -> str:
    cells = " | ".join(cell.strip() for cell in row.strip().strip("|").split("|"))
    return cells if len(cells) <= _MAX_TABLE_HEAD else cells[: _MAX_TABLE_HEAD - 1] + "…"
