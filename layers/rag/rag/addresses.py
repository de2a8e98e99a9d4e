"""Addresses in a text: whatever a reader, a browser or a chat window would turn into a link.

A text is judged as a browser reads it, where full-width letters, other forms of the dot and percent-encoded slashes
mean what the plain ones do. All expressions are possessive, so that no text takes more than linear time.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

# The end of an address: up to white space, quotes and brackets, but for round ones that are closed again.
_REST: Final = r"(?:[^\s<>\"`()\[\]{}|\u3000-\u300f\u3010\u3011]++|\([^\s<>()\[\]]*+\)|\[[.:]\])*+"
_DOT: Final = r"(?:\\?\.|\[\.\]|\(\.\)|\[dot\]|\(dot\))"
_OPAQUE: Final = (
    "mailto|javascript|vbscript|tel|sms|callto|skype|sips?|xmpp|magnet|blob|intent|view-source|bitcoin"
    r"|data(?=:[\w.+-]*+[/;,])"
)
_LABELS: Final = rf"[\w-]++(?:{_DOT}[\w-]++)++"
_ADDRESS: Final = re.compile(
    "|".join(
        (
            rf"(?P<url>(?<![a-z0-9+.-])[a-z0-9+.-]++(?::|\[:\]|%3a)(?:[/\\]|%2f|%5c){{2}}{_REST})",
            rf"(?P<opaque>(?<![\w-])(?:{_OPAQUE})(?::|%3a)(?=\S){_REST})",
            rf"(?P<relative>(?<![\w:/\\.])(?://|\\\\)(?=[\w-]++[.:\\]){_REST})",
            r"(?P<mail>(?<![\w.+%@-])[\w.+%-]++@[\w-]++(?:\.[\w-]++)++)",
            rf"(?P<host>(?<![\w.@-]){_LABELS}(?P<port>:\d++)?+(?P<path>[/?#](?=\S){_REST})?+)",
        )
    ),
    re.IGNORECASE,
)
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_PATH: Final = re.compile(r"[/?#]")
_DOTS: Final = re.compile(_DOT, re.IGNORECASE)
_LOOSE_END: Final = ".,;:!?*_~'\"…’”"

# Names that end in one of these are links wherever text is searched for them, and what attackers register most.
_USUAL_NAMES: Final = (
    "ai app at au be biz br ca cc cf ch click cloud club cn co com de dev edu es eu fr ga gov gq icu info int io ir it"
    " jp kr link live me mil ml mobi mx name net news nl nz online org pl pro pw ru se shop site space store su tech tk"
    " to top tv ua uk us vip web website win work ws xxx xyz za zip mov"
)
_FILE_NAMES: Final = (  # endings of files that no top-level domain has
    "aspx bak bat bin bmp cfg conf cpp cs css csv dat dll doc docx eml exe gif go gz htm html hpp ico ini ipynb jar"
    " java jpeg jpg js json jsonl jsx log markdown mdx msi odt pdf php png ppt pptx ps1 rb rst rtf scss sql svg tar"
    " tex toml ts tsv tsx txt vb wav webp xhtml xls xlsx xml yaml yml"
)
_USUAL: Final = frozenset(_USUAL_NAMES.split())
_FILES: Final = frozenset(_FILE_NAMES.split())


@dataclass(frozen=True, slots=True)
class Address:
    """An address in a text, at `start:end`. A doubtful one is a dotted name that may be none, as in "paid.apart"."""

    start: int
    end: int
    text: str
    doubtful: bool

    @property
    def broken(self) -> str:
        """It as words that nothing takes for a link."""
        return _DOTS.sub(". ", self.text)

    @property
    def asked_as(self) -> str:
        """It as it is looked up among the names of others: case matters from the path on, where it can carry data."""
        return self.text if _PATH.search(_SCHEME.sub("", self.text, count=1)) else self.text.casefold()

    @property
    def names(self) -> set[str]:
        """What may be said of it without saying more: itself, without `https://`, and its host alone."""
        bare = _SCHEME.sub("", self.text, count=1)
        host = _PATH.split(bare, maxsplit=1)[0].casefold()
        return {self.asked_as, bare, host, host.rpartition("@")[2]}


def addresses(text: str) -> Iterator[Address]:
    """Yield the addresses in a text, in their order."""
    folded = _folded(text)
    for found in _ADDRESS.finditer(folded):
        certainty = _host_certainty(found) if found.lastgroup in {"host", "port", "path"} else "address"
        if certainty == "none":
            continue
        start, end = found.start(), found.start() + len(found[0].rstrip(_LOOSE_END))
        yield Address(start, end, text[start:end], certainty == "doubtful")


def _host_certainty(found: "re.Match[str]") -> Literal["address", "doubtful", "none"]:
    """Tell a host from a number, an abbreviation, a file's name, and two sentences with no space between them."""
    host = re.split(r"[/?#:]", found[0].rstrip(_LOOSE_END), maxsplit=1)[0]
    labels = _DOTS.split(host)
    last = labels[-1]
    if len(labels) == 4 and all(label.isdecimal() for label in labels):
        return "address" if found["port"] or found["path"] else "none"
    if labels[0].lower() == "www" or last.lower().startswith("xn--"):
        return "address"
    if len(labels) < 2 or len(last) < 2 or not last.isalpha():
        return "none"
    if last.istitle():
        return "doubtful"
    if found["port"] or found["path"] or last.lower() in _USUAL:
        return "address"
    return "none" if last.lower() in _FILES else "doubtful"


class _Folding(dict[int, int]):
    """Each character as its plainest form, where that is one character as well."""

    def __missing__(self, code: int) -> int:
        plain = unicodedata.normalize("NFKC", chr(code))
        self[code] = ord(plain) if len(plain) == 1 else code
        return self[code]


_FOLDING: Final = _Folding(
    {0x2024: ord("."), 0x2044: ord("/"), 0x2215: ord("/"), 0x29F8: ord("/"), 0x2236: ord(":"), 0xA789: ord(":")}
)
_IDEOGRAPHIC_STOP: Final = re.compile("(?<=[0-9A-Za-z])\u3002(?=[0-9A-Za-z])")


def _folded(text: str) -> str:
    """Return the text as browsers read addresses, character by character, so that its length stays."""
    return text if text.isascii() else _IDEOGRAPHIC_STOP.sub(".", text.translate(_FOLDING))
