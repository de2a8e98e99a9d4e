"""A PDF's outline in its text: lines that the outline names become headings of Markdown."""

from collections.abc import Sequence
from typing import Final, NamedTuple

_DEEPEST: Final = 6
_MOST_LINES: Final = 2  # of one heading


class OutlineEntry(NamedTuple):
    """One entry: its level, counted from 0, and its words."""

    level: int
    title: str


def with_headings(text: str, entries: Sequence[OutlineEntry]) -> str:
    """Return a page's text with its headings marked, each entry once, where a line of the page says the same."""
    wanted = {key: entry for entry in entries if (key := _letters(entry.title))}
    if not wanted:
        return text
    lines = text.split("\n")
    marked, at = list[str](), 0
    while at < len(lines):
        for count in range(_MOST_LINES, 0, -1):
            words = " ".join(lines[at : at + count])
            if len(words) < 300 and (entry := wanted.pop(_letters(words), None)):
                marked += ["", "#" * min(entry.level + 1, _DEEPEST) + " " + " ".join(words.split()), ""]
                at += count
                break
        else:
            marked.append(lines[at])
            at += 1
    return "\n".join(marked).strip("\n")


def _letters(words: str) -> str:
    """Return what is compared: letters and digits, since outlines and pages punctuate and number differently."""
    return "".join(character for character in words.casefold() if character.isalnum())
