"""What an answer may carry: plain text, and of links only those that a cited passage holds, as text.

Whoever obeys an injection can be made to write an address with what the prompt holds appended to it, or an image that
a chat window fetches by itself. So an address stays only if a cited passage has exactly the same one, and nothing stays
that a renderer of Markdown or HTML would make a link, an image or an element of.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from html.entities import html5
from typing import Final

from rag.addresses import Address, addresses

REMOVED: Final = "(link removed)"  # in round brackets, which no form of link begins with

_ROUNDS: Final = 6  # what is taken out may bring together what stood around it: three are the most that were seen
_AUTOLINK: Final = re.compile(r"<([a-z][a-z0-9+.-]{1,31}:[^\s<>]*+|[^\s<>@]++@[^\s<>]++)>", re.IGNORECASE)
_TAG: Final = re.compile(r"<(/?+)([a-z][\w:.-]*+)(\s[^<>=]*+=[^<>]*+|\s*+(?:/\s*+)?+)>", re.IGNORECASE)
_OPENING: Final = re.compile(r"<(?=[a-z/!?])", re.IGNORECASE)
_LINK: Final = re.compile(
    r"!?+\[(?P<text>[^\[\]]*+)\]\(\s*+<?+(?P<place>(?:[^\s()<>]++|\([^\s()<>]*+\))*+)>?+"
    r"(?:\s++(?:\"[^\"\n]*+\"|'[^'\n]*+'|\([^()\n]*+\)))?+\s*+\)"
)
_BLOCKS: Final = r"(?:[ \t>*+-]|\d{1,9}[.)][ \t])*+"  # what opens quotes and items of lists
_DEFINITION: Final = re.compile(rf"^(?P<label>{_BLOCKS}\[(?:[^\[\]\\]|\\[\[\]\\]?+)*+\]):", re.MULTILINE)
_TASK: Final = re.compile(rf"^(?P<before>{_BLOCKS})\[(?P<mark>[ \txX])\](?=\s|\Z)", re.MULTILINE)
_ENTITY: Final = re.compile(r"&(?P<name>#?\w{1,31};)")
# GitHub's Markdown reads an address up to plain white space or "<", others stop at quotes and brackets.
_ENDS: Final = re.compile(
    "[.,;:!?*_~'\"`…’”»)\\]}>|\u3001\u3002\u300d\u300f\u3011\uff09\uff0c]{0,4}+(?=[ \\t\\n\\r\\f\\v<]|\\Z)"
)
_BEGINS: Final = re.compile(  # `"` begins a local name in some eyes, but for one that stands alone
    '(?<![^\\s(\\[{<>\'“„‘«\u2039\u300c\u300e\u3010\uff08*])|(?<=(?<![\\w;:&=+$,."-])")'
)
_GREEDY: Final = re.compile(r"://|@|www\.", re.IGNORECASE)
_OTHER_SPACES: Final = re.compile(r"[^\S \t\n\r\f\v]")
_ACTIVE_NAMES: Final = (  # elements that change what follows them even without attributes
    "base body button form frameset head html iframe input link math meta noembed noframes noscript object plaintext"
    " script select style svg template textarea title xmp"
)
_PASSIVE_NAMES: Final = (
    "a abbr acronym address area article aside audio b bdi bdo big blink blockquote br canvas caption center cite code"
    " col colgroup data datalist dd del details dfn dialog dir div dl dt em embed fieldset figcaption figure font"
    " footer frame h1 h2 h3 h4 h5 h6 header hgroup hr i image img ins kbd label legend li main map mark marquee menu"
    " meter nav nobr ol optgroup option output p param picture portal pre progress q rb rp rt rtc ruby s samp search"
    " section select slot small source span strike strong sub summary sup table tbody td tfoot th thead time tr track"
    " tt u ul var video wbr"
)
_LONE_NAMES: Final = "br embed hr image img input link meta source track wbr"  # elements without an end
_ACTIVE: Final = frozenset(_ACTIVE_NAMES.split())
_ELEMENTS: Final = _ACTIVE | frozenset(_PASSIVE_NAMES.split())
_LONE: Final = frozenset(_LONE_NAMES.split())


@dataclass(frozen=True, slots=True)
class Plain:
    """A text without markup that acts and without foreign links, and how many of these it had."""

    text: str
    removed: int


def plain(text: str, cited: Iterable[str]) -> Plain | None:
    """Return the text as it may be shown; `cited` are the texts and labels of the passages that it cites.

    None means that it resists: then none of it may be shown.
    """
    sources = "\n\n".join(cited)
    known: set[str] | None = None
    removed = 0
    for _ in range(_ROUNDS):
        dissolved, markup = _dissolved(text, sources)
        pieces, position = list[str](), 0
        for address in addresses(dissolved):
            if known is None:
                known = set[str]().union(*(one.names for one in addresses(sources)))
            pieces.append(dissolved[position : address.start])
            position = address.end
            if address.asked_as in known:
                pieces.append(_set_apart(address, dissolved))
            else:
                pieces.append(address.broken if address.doubtful else REMOVED)
                removed += not address.doubtful
        shown = "".join([*pieces, dissolved[position:]]).replace(f"({REMOVED})", REMOVED)
        removed += markup
        if shown == text:
            return Plain(text, removed)
        text = shown
    return None


def _set_apart(address: Address, text: str) -> str:
    """Return an address that stays, with a space where a renderer would take what stands next to it for its part."""
    before = " " if not address.has_scheme and _BEGINS.match(text, address.start) is None else ""
    return before + address.text + ("" if _ENDS.match(text, address.end) else " ")


def _dissolved(text: str, sources: str) -> tuple[str, int]:
    """Return the text with no markup but a passage's elements that do nothing, and how much it had of its own."""
    elements = links = 0
    if "<" in text:
        text, elements = _without_elements(_AUTOLINK.sub(r"\1", text), sources)
    if not text.isascii() and _GREEDY.search(text):
        text = _OTHER_SPACES.sub(" ", text)
    if "](" in text:
        text, links = _without_links(text, sources)
    if "]:" in text:
        text = _DEFINITION.sub(r"\g<label>", text)
    if "]" in text:
        text = _TASK.sub(r"\g<before>(\g<mark>)", text)
    if "&" in text:
        text = _ENTITY.sub(lambda found: _as_text(found, sources), text)
    return text, elements + links


def _as_text(entity: "re.Match[str]", sources: str) -> str:
    name = entity["name"]
    return f"& {name}" if (name in html5 or name[0] == "#") and entity[0] not in sources else entity[0]


def _without_elements(text: str, sources: str) -> tuple[str, int]:
    count = 0
    ended = {found[2].lower() for found in _TAG.finditer(text) if found[1]} | _LONE

    def tag(found: "re.Match[str]") -> str:
        nonlocal count
        name = found[2].lower()
        if found[0] in sources or ("=" not in found[3] and (name not in _ELEMENTS or name not in ended)):
            return found[0]  # it does nothing, or is none, as List<String>: at most its bracket is moved
        count += 1
        return ""

    def opening(found: "re.Match[str]") -> str:
        element = _TAG.match(found.string, found.start())
        if element is None or element[3].strip(" /") or element[2].lower() in _ACTIVE:
            return "< "
        return "<" if element[0] in sources and f"<{element[2]}{element[3]}>" in sources else "< "

    return _OPENING.sub(opening, _TAG.sub(tag, text)), count


def _without_links(text: str, sources: str) -> tuple[str, int]:
    count = 0

    def link(found: "re.Match[str]") -> str:
        nonlocal count
        said, place = found["text"], found["place"]
        glued = found.start() > 0 and found.string[found.start() - 1].isalnum()  # f[i](j) is a call
        label = f"[{said}]" if glued or said.strip().isdecimal() else said
        if not place:
            return label
        image_or_path = found[0].startswith("!") or "/" in place
        if image_or_path and f"]({place}" not in sources and all(one.doubtful for one in addresses(place)):
            count += 1  # an address in it is judged, and counted, as all are
        return f"{label} ({place})"

    return _LINK.sub(link, text).replace("](", "] ("), count
