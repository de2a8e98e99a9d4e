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
_SLASHES: Final = r"(?::|\[:\]|%3a)(?:[/\\]|%2f|%5c){2}"
_OPAQUE: Final = (
    "mailto|javascript|vbscript|tel|sms|callto|skype|sips?|xmpp|magnet|blob|intent|view-source|bitcoin"
    r"|data(?=:[\w.+-]*+[/;,])"
)
_LABELS: Final = rf"[\w-]++(?:{_DOT}[\w-]++)++"
_ADDRESS: Final = re.compile(
    "|".join(
        (
            rf"(?P<url>(?<![a-z0-9+.-])[a-z0-9+.-]++{_SLASHES}{_REST})",
            rf"(?P<opaque>(?<![\w-])(?:{_OPAQUE})(?::|%3a)(?=\S){_REST})",
            rf"(?P<relative>(?<![\w:/\\.])(?://|\\\\)(?=[\w-]++[.:\\]|[^\s<>()/\\@]*+@){_REST})",
            r"(?P<mail>(?<![\w.+%-])[\w.+%-]++@[\w-]*+(?:\.[\w-]++)++)",
            rf"(?P<host>(?<![\w-])(?P<labels>{_LABELS})(?!{_SLASHES})(?P<port>:\d++)?+)",
            r"(?P<www>(?<![^\W_])www\.(?=[^\s<])[^\s<]*+)",  # GitHub's Markdown asks for no name after it
        )
    ),
    re.IGNORECASE,
)
_PATH_BEGINS: Final = re.compile(r"[/?#](?=\S)")
_REST_OF_HOST: Final = re.compile(rf"{_PATH_BEGINS.pattern}{_REST}")
_SCHEME: Final = re.compile(r"https?://", re.IGNORECASE)
_PATH: Final = re.compile(r"[/?#]")
_DOTS: Final = re.compile(_DOT, re.IGNORECASE)
_LOOSE_END: Final = ".,;:!?*_~'\"…’”"
_BLOCK: Final = re.compile(r"/\d{1,2}(?!\w|[/?#.:-]\w)")  # a range of addresses of a network, as in 10.0.0.0/8
_OWN_NETWORK: Final = re.compile(r"(?:0|10|127|169\.254|172\.(?:1[6-9]|2\d|3[01])|192\.168)\.")

# Names that end in one of these are links wherever text is searched for them, and what attackers register most.
_USUAL_NAMES: Final = (
    "ai app at au be biz br ca cc cf ch click cloud club cn co com de dev edu es eu fr ga gov gq icu info int io ir it"
    " jp kr link live me mil ml mobi mx net news nl nz online org pro pw ru se shop site space store su tech tk"
    " top tv ua uk us vip web website win work ws xxx xyz za zip mov"
)
_FILE_NAMES: Final = (  # endings of files that no top-level domain has
    "aspx bak bat bin bmp cfg conf cpp cs css csv dat dll doc docx eml exe gif go gz htm html hpp ico ini ipynb jar"
    " java jpeg jpg js json jsonl jsx log markdown mdx msi odt pdf php png ppt pptx ps1 rb rst rtf scss sql svg tar"
    " tex toml ts tsv tsx txt vb wav webp xhtml xls xlsx xml yaml yml"
)
_USUAL: Final = frozenset(_USUAL_NAMES.split())
_FILES: Final = frozenset(_FILE_NAMES.split())
_FILES_AND_COUNTRIES: Final = frozenset(("md", "py", "rs", "sh"))  # README.md is a file, a.b.md a host in Moldova


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
    def has_scheme(self) -> bool:
        """Whether it begins with `https://`, so that nothing in front of it can belong to it."""
        return _SCHEME.match(self.text) is not None

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
    folded, position = _folded(text), 0
    while found := _ADDRESS.search(folded, position):
        start, position = found.span()
        certainty: Literal["address", "doubtful", "none"] = "address"
        if found["host"]:
            certainty = _host_certainty(found, text[start:position] != found[0])
            if certainty == "none":
                continue  # what follows it is not its path, and may hide another
            if path := _REST_OF_HOST.match(folded, position):
                position = path.end()
        end = start + len(folded[start:position].rstrip(_LOOSE_END))
        yield Address(start, end, text[start:end], certainty == "doubtful")


def _host_certainty(found: "re.Match[str]", disguised: bool) -> Literal["address", "doubtful", "none"]:
    """Tell a host from a number, an abbreviation, a file's name, and two sentences with no space between them.

    A disguised one is written with other forms of its characters, which programs that know only the plain ones read
    as the end of a name: whatever they could take for a host before it counts.
    """
    host = found["labels"].rstrip(_LOOSE_END + "-\\")
    labels = _DOTS.split(host)
    path = _PATH_BEGINS.match(found.string, found.end())
    placed = found["port"] is not None or path is not None
    if len(labels) == 4 and all(label.isdecimal() for label in labels):
        harmless = _BLOCK.match(found.string, found.end("labels")) or (path is None and _OWN_NETWORK.match(host))
        return "address" if placed and not harmless else "none"
    if labels[0].lower().lstrip("_") == "www" or labels[-1].lower().startswith("xn--"):
        return "address"
    ending = len(labels)
    while ending and (len(labels[ending - 1]) < 2 or not labels[ending - 1].isalpha()):
        ending -= 1
    certainty = _name_certainty(labels[:ending], placed)
    if certainty == "doubtful" and ending < len(labels) and labels[ending][:1].isalnum():
        certainty = "none"  # torch.nn.Conv2d: letters and figures in one label at the end, which no host has
    if disguised and any(label.lower() in _USUAL for label in labels[1:]):
        return "address"
    return "doubtful" if disguised and certainty == "none" and any(map(str.isalpha, labels)) else certainty


def _name_certainty(labels: list[str], placed: bool) -> Literal["address", "doubtful", "none"]:
    """Judge a name by its last label; `placed` is one that a port or a path follows."""
    if len(labels) < 2:
        return "none"
    last = labels[-1]
    if last.istitle() or (last == "NET" and not placed):
        return "doubtful"
    if placed or last.lower() in _USUAL:
        return "address"
    if last.lower() in _FILES or (last.lower() in _FILES_AND_COUNTRIES and len(labels) == 2):
        return "none"
    return "doubtful"


class _Folding(dict[int, int]):
    """Each character as its plainest form, where that is one character as well."""

    def __missing__(self, code: int) -> int:
        plain = unicodedata.normalize("NFKC", chr(code))
        self[code] = ord(plain) if len(plain) == 1 else code
        return self[code]


_FOLDING: Final = _Folding(
    {0x2024: ord("."), 0x2044: ord("/"), 0x2215: ord("/"), 0x29F8: ord("/"), 0x2236: ord(":"), 0xA789: ord(":")}
)
_IDEOGRAPHIC_STOP: Final = re.compile(  # it ends a sentence as well, so letters alone make no host of what is around it
    "(?<=[0-9A-Za-z])\u3002(?=[0-9A-Za-z])|(?<=\\w)\u3002(?=[0-9A-Za-z-]{2,63}+[/:?#])"
)


def _folded(text: str) -> str:
    """Return the text as browsers read addresses, character by character, so that its length stays."""
    return text if text.isascii() else _IDEOGRAPHIC_STOP.sub(".", text.translate(_FOLDING))
