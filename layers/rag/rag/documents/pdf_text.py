"""Lines of a PDF's page into paragraphs: what the page's width broke is joined again.

A PDF knows no paragraphs, only lines. A line that fills the width goes on in the next one; tables, lists and lines of a
table of contents stay lines.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final

_HYPHEN: Final = "\ufffe"  # PDFium's mark for a hyphen at a line's end; it leaves the line's end out
_LIGATURES: Final = str.maketrans(
    {"ﬀ": "ff", "ﬁ": "fi", "ﬂ": "fl", "ﬃ": "ffi", "ﬄ": "ffl", "ﬅ": "st", "ﬆ": "st", "\x02": _HYPHEN, "\xa0": " "}
)
_BROKEN: Final = re.compile(rf"(\w+){_HYPHEN}(\w+)")
_WORD: Final = re.compile(r"\w+(?:-\w+)*")
_ITEM: Final = re.compile(  # what lists are marked with
    r"(?:[•▪◦‣●■□☐☒☑✓–—*-]|\(?(?:\d{1,3}(?:\.\d+)*|[a-zA-Z]|[ivxIVX]{1,5})[.)])\s"
)
_LABEL: Final = re.compile(r"[A-Z][^.:]{1,50}:(?:\s|$)")  # of a form
_LEADERS: Final = re.compile(r"\.{4,}|(?:\. ){4,}|_{4,}")
_SENTENCE_ENDS: Final = (".", "!", "?", ":", ".”", '."', ".)")
_FULL: Final = 0.75  # of the page's usual longest lines: as long a line broke because the page ended
_USUAL: Final = 0.9  # the quantile that tells how long a page's longest lines are
_NARROWEST: Final = 30  # characters: shorter lines are no running text


class Hyphens:
    """Decides whether a hyphen at a line's end belongs to its word, by how the rest of the document writes it."""

    def __init__(self, pages: Iterable[str]) -> None:
        self._words: Counter[str] = Counter()
        for page in pages:
            if _HYPHEN in page or "\x02" in page:
                break
        else:
            return
        for page in pages:
            self._words.update(word.lower() for word in _WORD.findall(page))

    def mended(self, text: str) -> str:
        """Return the text with the words whole that a line's end divided."""
        return _BROKEN.sub(lambda found: self._joined(found[1], found[2]), text).replace(_HYPHEN, "-")

    def _joined(self, first: str, second: str) -> str:
        whole, hyphened = f"{first}{second}", f"{first}-{second}"
        if first[-1].isdigit() or second[0].isdigit() or (second[0].isupper() and not first.isupper()):
            return hyphened
        return hyphened if self._words[hyphened.lower()] > self._words[whole.lower()] else whole


def reflowed(page: str, hyphens: Hyphens) -> str:
    """Return a page's text in paragraphs, a blank line between them."""
    marked = page.translate(_LIGATURES).replace("\r\n", "\n")
    lines = [hyphens.mended(" ".join(line.split())) for line in marked.split("\n")]
    lines = [line for line in lines if line]
    if not lines:
        return ""
    width = _width([part for line in marked.split("\n") for part in line.split(_HYPHEN)])
    parts = [lines[0]]
    for line, following in pairwise(lines):
        parts += (_joint(line, following, width), following)
    return "".join(parts)


def _width(lines: Sequence[str]) -> int:
    lengths = sorted(len(line) for line in lines if line.strip())
    return max(lengths[int(len(lengths) * _USUAL)] if lengths else 0, _NARROWEST)


def _joint(line: str, following: str, width: int) -> str:
    last = len(line) % width if len(line) > 1.5 * width else len(line)  # of a line in which broken words were mended
    if _ITEM.match(following) or _LABEL.match(following) or _is_tabular(line) or _LEADERS.search(line):
        return "\n"
    ends = line[-1].isdigit() and following[0].isupper()
    if (last >= _FULL * width and not ends) or following[0].islower():
        return "\n\n" if line.endswith(_SENTENCE_ENDS) and last < 0.9 * width and following[0].isupper() else " "
    return "\n\n" if line.endswith(_SENTENCE_ENDS) else "\n"


def _is_tabular(line: str) -> bool:
    """Tell whether the line is a row of figures."""
    words = line.split()
    return sum(any(character.isdigit() for character in word) for word in words) > 0.4 * len(words)
