"""Hides inline markup from the Markdown splitter, which would rather cut at an apostrophe than between sentences.

To the splitter, emphasis, code spans, links and quotation marks are seams that rank above sentences. What it is shown
instead has the same length, with a closing quotation mark wherever such a character stood.
"""

import re
from typing import Final

_BLOCK_STRUCTURE: Final = re.compile(
    r"[ \t]*(?:>[ \t]*)*"
    r"(?:(?:[-*_=][ \t]*)+$|(?:```|~~~).*|#{1,6}(?=[ \t])|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])|\|.*)?"
)
_INLINE: Final = str.maketrans(dict.fromkeys("'\"*_`[]<>&~\\^$", "’"))


def hidden(text: str) -> str:
    """Return text of the same length, without inline markup; headings, lists, quotes, rules, fences and tables stay."""
    return "".join(map(_hidden, text.splitlines(keepends=True)))


def _hidden(line: str) -> str:
    structure = _BLOCK_STRUCTURE.match(line.rstrip())
    kept = structure.end() if structure else 0
    return line[:kept] + line[kept:].translate(_INLINE).replace("--", "––")
