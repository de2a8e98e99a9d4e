"""Splits a passage into what can be quoted: sentences, list items and table rows, each verbatim, with their context."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HEADING = re.compile(r"(#{1,6})[ \t]+(?=[^\s#])")
_CAPITALS = re.compile(r"(?=(?:.*[A-Z]){3})[^a-z|]{3,80}$")
_CAPITALS_LEVEL = 2  # plain text's way of writing a section
_UNDERLINE = re.compile(r"=+$|-{3,}$")
_RULE = re.compile(r"(?:[-*_=]\s*){3,}$")
_BULLET = re.compile(r"\s*(?:[-*+•]|\d{1,3}[.)])\s+")
_TABLE_RULE = re.compile(r"\|?(?:\s*:?-+:?\s*\|)+(?:\s*:?-+:?)?$")
_FENCE = re.compile(r"\s*(?:```|~~~)")
_MARKER = re.compile(r"[\[【]\s*\d[\d\s,;]*[\]】]")
_STOP = re.compile(r"(?<![.!?…])[.!?…]+[\"'”’)\]*_]*(?=\s)")
_ABBREVIATION = re.compile(
    r"(?:\b[A-Z]|\.[A-Za-z]|\b(?:Mr|Mrs|Ms|Dr|Prof|St|Sr|Jr|vs|etc|approx|ca|cf|al|Inc|Ltd|Co|Corp|No|Nos|Fig|Sec|Art|Ch|pp|Vol"
    r"|min|max|incl|excl|ext|tel|Gen|Col|Lt|Sgt|Rev|Hon|Gov|Sen|Rep|Capt|Ave|Blvd|Rd|Mt|Ft"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec))\.$"
)


@dataclass(frozen=True)
class Sentence:
    """A quotable part of a passage.

    `text` is `passage[start:start + len(text)]`. `headings` are the section headings above it, outermost first, and
    `lead` what introduces it: a table's header row, the line before a list, the sentence before it in the paragraph.
    """

    text: str
    start: int
    headings: str
    lead: str


def sentences(passage: str) -> list[Sentence]:
    """Return the quotable parts of Markdown or plain text in their order."""
    return list(_Reader(passage).read())


@dataclass(frozen=True)
class _Line:
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class _Reader:
    """Walks the lines of a passage, gathers those of a paragraph or list item into a block, and cuts the blocks."""

    def __init__(self, passage: str) -> None:
        self._passage = passage
        self._headings: dict[int, str] = {}
        self._lead = ""
        self._table_header = ""
        self._fenced = False
        self._block: list[_Line] = []

    def read(self) -> Iterator[Sentence]:
        start = 0
        for text in self._passage.splitlines(keepends=True):
            line = _Line(text, start)
            start = line.end
            if self._fenced or _FENCE.match(text):
                yield from self._code(line)
            elif self._is_row(text):
                yield from self._row(line)
            else:
                self._table_header = ""
                yield from self._prose(line)
        yield from self._close()

    def _code(self, line: _Line) -> Iterator[Sentence]:
        if not _FENCE.match(line.text):
            yield from self._cut(line.start, line.end, self._lead)
            return
        yield from self._close()
        self._fenced = not self._fenced

    def _is_row(self, text: str) -> bool:
        return "|" in text.strip().strip("|") and (text.lstrip().startswith("|") or bool(self._table_header))

    def _row(self, line: _Line) -> Iterator[Sentence]:
        yield from self._close()
        if _TABLE_RULE.match(line.text.strip()):
            return
        if not self._table_header and _TABLE_RULE.match(self._line_at(line.end)):
            self._table_header = line.text
        else:
            yield from self._cut(line.start, line.end, self._table_header or self._lead)

    def _prose(self, line: _Line) -> Iterator[Sentence]:
        text = line.text.strip()
        if heading := _HEADING.match(text):
            yield from self._close()
            self._enter(len(heading[1]), text[heading.end() :].rstrip("# \t"))
        elif len(self._block) == 1 and _UNDERLINE.match(text):
            self._enter(1 if text.startswith("=") else 2, self._block.pop().text.strip())
        elif _CAPITALS.match(text) and not self._block and not self._line_at(line.end):
            self._enter(_CAPITALS_LEVEL, text)
        elif _RULE.match(text) or not text:
            yield from self._close()
        else:
            if _BULLET.match(text):
                yield from self._close()
            self._block.append(line)

    def _line_at(self, start: int) -> str:
        end = self._passage.find("\n", start)
        return self._passage[start : end if end >= 0 else None].strip()

    def _enter(self, level: int, title: str) -> None:
        self._headings = {depth: text for depth, text in self._headings.items() if depth < level} | {level: title}
        self._lead = ""

    def _close(self) -> Iterator[Sentence]:
        """Cut the block gathered so far into sentences."""
        if not self._block:
            return
        start, end = self._block[0].start, self._block[-1].end
        item = _BULLET.match(self._block[0].text)
        self._block = []
        block, at = self._passage[start:end], item.end() if item else 0
        introduction = last = self._lead if item else ""
        for stop in (*_stops(block, at), len(block)):
            for sentence in self._cut(start + at, start + stop, last):
                yield sentence
                last = f"{introduction}\n{sentence.text}".lstrip()
            at = stop
        if not item:
            self._lead = last

    def _cut(self, start: int, end: int, lead: str) -> Iterator[Sentence]:
        """Trim one stretch, and cut out what reads like a citation marker: an answer may hold only its own."""
        headings = "\n".join(self._headings.values())
        for piece_start, piece_end in _between_markers(self._passage, start, end):
            piece = self._passage[piece_start:piece_end]
            text = piece.strip().strip("|> \t").strip()
            if any(character.isalnum() for character in text):
                yield Sentence(text, piece_start + piece.index(text), headings, lead)


def _stops(block: str, start: int) -> Iterator[int]:
    """Yield where sentences end: after a full stop that no abbreviation, initial or lower-case continuation denies."""
    for stop in _STOP.finditer(block, start):
        continued = block[stop.end() :].lstrip()[:1].islower()
        if not continued and not _ABBREVIATION.search(block, max(start, stop.start() - 8), stop.start() + 1):
            yield stop.end()


def _between_markers(passage: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for marker in _MARKER.finditer(passage, start, end):
        yield start, marker.start()
        start = marker.end()
    yield start, end
