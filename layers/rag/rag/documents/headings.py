"""Headings of Markdown, read line by line: the path of headings that is in force at any place of a text."""

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Final, NamedTuple

SEPARATOR: Final = " > "
MAX_HEADING: Final = 120  # characters: a longer one is a paragraph that was marked up as a heading

_ATX: Final = re.compile(r" {0,3}(#{1,6})[ \t]")
_UNDERLINE: Final = re.compile(r" {0,3}(=+|--+)[ \t]*")
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")
_NO_PARAGRAPH: Final = re.compile(r"\s*$|\s*(?:[-*+>|]|\d+[.)])(?:\s|$)|\s*\|")
_FRONT_MATTER: Final = re.compile(r"---[ \t]*\n(?:.*\n)*?---[ \t]*(?:\n|\Z)")


class Heading(NamedTuple):
    """A heading: where it starts and ends, its level (1 to 6) and its words."""

    start: int
    end: int
    level: int
    words: str


class HeadingPaths:
    """The headings of one text. A fenced code block holds none."""

    def __init__(self, text: str) -> None:
        self.headings = list(_headings(text))
        self._starts = [heading.start for heading in self.headings]
        self._paths = list(_paths(self.headings))

    def above(self, position: int) -> str:
        """Return the path of the headings above the place, joined by " > ".

        Where a heading starts, that is the path of those it belongs to, itself not among them.
        """
        index = bisect_left(self._starts, position)
        if index < len(self._starts) and self._starts[index] == position:
            return SEPARATOR.join(self._paths[index][:-1])
        return SEPARATOR.join(self._paths[index - 1]) if index else ""


def _paths(headings: list[Heading]) -> Iterator[tuple[str, ...]]:
    above: list[Heading] = []
    for heading in headings:
        while above and above[-1].level >= heading.level:
            above.pop()
        above.append(heading)
        yield tuple(one.words for one in above)


def _headings(text: str) -> Iterator[Heading]:
    fence = ""
    front = _FRONT_MATTER.match(text)
    position = front.end() if front else 0
    above = ""
    for line in text[position:].split("\n"):
        start, position = position, position + len(line) + 1
        above, before = line, above
        if fence:
            fence = "" if _closes(fence, line) else fence
        elif opened := _FENCE.fullmatch(line):
            fence = opened[1]
        elif (atx := _ATX.match(line)) and (words := line[atx.end() :].rstrip().rstrip("#").strip()):
            yield Heading(start, position - 1, len(atx[1]), _shortened(words))
            above = ""
        elif (under := _UNDERLINE.fullmatch(line)) and not _NO_PARAGRAPH.match(before) and before:
            yield Heading(start - len(before) - 1, position - 1, 1 if under[1][0] == "=" else 2, _shortened(before))
            above = ""


def _closes(fence: str, line: str) -> bool:
    closing = _FENCE.fullmatch(line)
    return closing is not None and closing[1].startswith(fence) and not closing[2].strip()


def _shortened(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= MAX_HEADING else words[: MAX_HEADING - 1].rstrip() + "…"
