"""Hides inline markup from the Markdown splitter, which would rather cut at an apostrophe than between sentences.

To the splitter, emphasis, code spans, links and quotation marks are seams that rank above sentences. What it is shown
instead has the same length, with a closing quotation mark wherever such a character stood. White space that Markdown
does not know becomes a space: between overlapping chunks, the splitter panics at a paragraph of no-break spaces.
"""

import re
from typing import Final

_BLOCK_STRUCTURE: Final = re.compile(
    r"[ \t]*(?:>[ \t]*)*"
    r"(?:(?:[-*_=][ \t]*)+$|(?:```|~~~).*|#{1,6}(?=[ \t])|[-*+](?=[ \t])|\d{1,9}[.)](?=[ \t])|\|.*)?"
)
_INLINE: Final = str.maketrans(dict.fromkeys("'\"*_`[]<>&~\\^$", "’"))
_SPACES: Final = str.maketrans(
    dict.fromkeys(
        "\x0b\x0c\x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
        "\u2028\u2029\u202f\u205f\u3000",
        " ",
    )
)


def hidden(text: str) -> str:
    """Return text of the same length, without inline markup; headings, lists, quotes, rules, fences and tables stay."""
    return "".join(map(_hidden, text.translate(_SPACES).splitlines(keepends=True)))


def _hidden(line: str) -> str:
    structure = _BLOCK_STRUCTURE.match(line.rstrip())
    kept = structure.end() if structure else 0
    return line[:kept] + line[kept:].translate(_INLINE).replace("--", "––")
