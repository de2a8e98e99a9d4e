"""Texts into pieces for chunks: overlapping, counted in tokens, cut where the text's structure allows it.

A cut depends on the text around it alone: of the seams that are near enough, the strongest one, and of equals one that
their words choose. So whatever changes in one place of a long document, its other pieces stay the same.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from heapq import merge
from itertools import accumulate, pairwise
from math import ceil
from typing import Final, NamedTuple
from zlib import crc32

from rag.documents.headings import SEPARATOR, HeadingPaths
from rag.errors import InvalidRequest
from rag.seams import HEADING, PARAGRAPH, TOGETHER, Seam, seams
from rag.tokens import count_tokens

DEFAULT_SIZE: Final = 200  # tokens: a paragraph or two, so that a passage answers one question and is cheap to send
DEFAULT_OVERLAP: Final = 40  # tokens: a sentence or two, so that what is said before helps to understand a piece
SMALLEST: Final = 16  # tokens: a single character may take several, and less than this says nothing

_NEAR: Final = 0.6  # part of a piece without its overlap: within this far of another seam, the better one is taken
_NEAR_HEADING: Final = 0.25
_EVEN: Final = 0.7  # part of an even share that a piece has at least
_CHOOSING: Final = 64  # characters behind a seam, of which the choice among equals is made
_LONGEST_COUNTED: Final = 2_000  # characters: longer units are cut before their tokens are counted


class Piece(NamedTuple):
    """A part of a text, from `start` to `end` in characters; its heading path, its tokens, and its page from 1."""

    start: int
    end: int
    heading: str
    tokens: int
    page: int | None


class _Unit(NamedTuple):
    start: int
    end: int
    strength: int  # of the seam at its start
    tokens: int
    table: str
    choice: int  # which of equally strong seams to take


class Chunker:
    """Cuts texts along headings, paragraphs, table rows and sentences. A piece lies on one page."""

    def __init__(self, size: int = DEFAULT_SIZE, overlap: int = DEFAULT_OVERLAP) -> None:
        if size < SMALLEST or not 0 <= overlap <= size // 2:
            raise InvalidRequest(f"A chunk's size is at least {SMALLEST} tokens, and its overlap at most half of it.")
        self._size = size
        self._overlap = overlap

    def pieces(self, texts: Sequence[str], pages: Sequence[Sequence[int]]) -> list[list[Piece]]:
        """Return where to cut each text; `pages` are the offsets at which its pages begin, none where it has none."""
        return [list(self._pieces(text, starts)) for text, starts in zip(texts, pages, strict=True)]

    def _pieces(self, text: str, pages: Sequence[int]) -> Iterator[Piece]:
        headings = HeadingPaths(text)
        units = list(self._units(text, _places(text, headings, pages)))
        for lead, core, end in self._spans(units, pages):
            for unit, start, stop, tokens in self._fitting(text, units[lead:end], core - lead):
                path = SEPARATOR.join(part for part in (headings.above(unit.start), unit.table) if part)
                yield Piece(start, stop, path, tokens, max(1, bisect_right(pages, start)) if pages else None)

    def _units(self, text: str, places: Iterable[Seam]) -> Iterator[_Unit]:
        """Yield what is only cut where it has to be: from seam to seam, or, of what is too long, parts of it."""
        longest = self._size - self._overlap
        for seam, following in pairwise([*places, Seam(len(text), TOGETHER)]):
            start, end = _stripped(text, seam.position, following.position)
            if start == end:
                continue
            tokens = count_tokens(text[start:end]) if end - start <= _LONGEST_COUNTED else longest + 1
            if tokens <= longest:
                yield _Unit(seam.position, following.position, seam.strength, tokens, seam.table, _choice(text, start))
                continue
            strength = seam.strength
            for part, stop, count in _parts(text, start, end, max(self._overlap, SMALLEST) // 2):
                yield _Unit(part, stop, strength, count, seam.table, _choice(text, part))
                strength = TOGETHER

    def _spans(self, units: list[_Unit], pages: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """Yield, in numbers of units, where a piece starts, where it leaves its overlap with those before, and ends."""
        before = [0, *accumulate(unit.tokens for unit in units)]  # tokens before each unit
        starts = [unit.start for unit in units]
        for first, last in pairwise(sorted({0, len(units), *(bisect_left(starts, page) for page in pages)})):
            anchors = [
                number for number in range(first + 1, last) if self._is_anchor(units, before, first, last, number)
            ]
            for start, end in pairwise([first, *anchors, last]):
                core = start
                while core < end:
                    lead = self._lead(units, before, first, core)
                    stop = _best_end(units, before, core, end, self._size - before[core] + before[lead])
                    yield lead, core, stop
                    core = stop

    def _is_anchor(self, units: list[_Unit], before: list[int], first: int, last: int, number: int) -> bool:
        """Tell whether to cut before this unit whatever is elsewhere: no seam near it, on either side, is as good."""
        unit = units[number]
        if unit.strength == TOGETHER:
            return False
        near = (self._size - self._overlap) * (_NEAR_HEADING if unit.strength >= HEADING else _NEAR)
        if before[number] - before[first] < near or before[last] - before[number] < near:
            return False
        return all(
            (units[other].strength, units[other].choice) < (unit.strength, unit.choice)
            for other in _around(before, number, near)
        )

    def _lead(self, units: list[_Unit], before: list[int], first: int, core: int) -> int:
        """Return the unit with which the overlap begins; what is under another heading is none of the piece."""
        lead = core
        while lead > first and units[lead].strength < HEADING and before[core] - before[lead - 1] <= self._overlap:
            lead -= 1
        return lead

    def _fitting(self, text: str, units: list[_Unit], core: int) -> Iterator[tuple[_Unit, int, int, int]]:
        """Yield the piece, with less overlap or in parts if its tokens are more than those of its units."""
        for lead in range(core + 1):
            start, end = _stripped(text, units[lead].start, units[-1].end)
            tokens = count_tokens(text[start:end])
            if tokens <= self._size:
                yield units[lead], start, end, tokens
                return
        for start, end, tokens in _parts(text, *_stripped(text, units[core].start, units[-1].end), self._size):
            yield units[core], start, end, tokens


def _around(before: list[int], number: int, near: float) -> Iterator[int]:
    """Yield the other units that start within so many tokens of this one's start; ones of no tokens do not matter."""
    for other in range(number - 1, -1, -1):
        if before[number] - before[other] >= near:
            break
        yield other
    for other in range(number + 1, len(before) - 1):
        if before[other] - before[number] >= near:
            break
        yield other


def _best_end(units: list[_Unit], before: list[int], core: int, last: int, room: int) -> int:
    """Return the unit before which a piece ends: all that are left if they fit, else about an even part of them."""
    left = before[last] - before[core]
    if left <= room:
        return last
    even = left / ceil(left / room)
    end = bisect_right(before, before[core] + min(room, even * (2 - _EVEN)), core + 1, last) - 1
    start = bisect_left(before, before[core] + even * _EVEN, core + 1, last)
    best = max(range(start, end + 1), key=lambda number: (units[number].strength, units[number].choice), default=end)
    if best > core and units[best].strength > TOGETHER:
        return best
    return max(core + 1, bisect_right(before, before[core] + room, core + 1, last) - 1)


def _places(text: str, headings: HeadingPaths, pages: Sequence[int]) -> Iterator[Seam]:
    """Yield the seams and the beginnings of pages in order, each place once."""
    starts = (Seam(page, PARAGRAPH) for page in pages)
    place: Seam | None = None
    for seam in merge(seams(text, headings.headings), starts, key=lambda seam: seam.position):
        if place is not None and seam.position > place.position:
            yield place
            place = seam
        place = seam if place is None or seam.strength > place.strength else place
    if place is not None:
        yield place


def _parts(text: str, start: int, end: int, most: int) -> Iterator[tuple[int, int, int]]:
    """Yield parts of at most so many tokens with their tokens, cut at white space if there is any near the middle."""
    start, end = _stripped(text, start, end)
    while end - start > _LONGEST_COUNTED:
        cut = _space(text, start, start + _LONGEST_COUNTED)
        yield from _parts(text, start, cut, most)
        start = _stripped(text, cut, end)[0]
    if start < end:
        tokens = count_tokens(text[start:end])
        if tokens <= most or end - start == 1:
            yield start, end, tokens
        else:
            cut = _space(text, start, (start + end) // 2)
            yield from _parts(text, start, cut, most)
            yield from _parts(text, cut, end, most)


def _choice(text: str, start: int) -> int:
    return crc32(text[start : start + _CHOOSING].encode("utf-8", "surrogatepass"))


def _space(text: str, start: int, end: int) -> int:
    cut = max(text.rfind(" ", start + 1, end), text.rfind("\n", start + 1, end))
    return end if cut < 0 else cut


def _stripped(text: str, start: int, end: int) -> tuple[int, int]:
    """Return the span without the white space at its ends."""
    while start < end and text[end - 1].isspace():
        end -= 1
    while start < end and text[start].isspace():
        start += 1
    return start, end
