"""What an answer may carry: plain text, and of links only those that a cited passage holds, as text.

Whoever obeys an injection can be made to write an address with what the prompt holds appended to it, or an image that
a chat window fetches by itself. So an address stays only if a cited passage has exactly the same one, and nothing stays
that a renderer of Markdown or HTML would make a link, an image or an element of.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rag.addresses import addresses

REMOVED: Final = "[link removed]"

_ROUNDS: Final = 6  # what is taken out may bring together what stood around it: three are the most that were seen
_AUTOLINK: Final = re.compile(r"<([a-z][a-z0-9+.-]{1,31}:[^\s<>]*+|[^\s<>@]++@[^\s<>]++)>", re.IGNORECASE)
_TAG: Final = re.compile(r"<(/?+)([a-z][\w:.-]*+)(\s[^<>=]*+=[^<>]*+|\s*+(?:/\s*+)?+)>", re.IGNORECASE)
_OPENING: Final = re.compile(r"<(?=[a-z/!?])", re.IGNORECASE)
_LINK: Final = re.compile(
    r"!?+\[(?P<text>[^\[\]]*+)\]\(\s*+<?+(?P<place>(?:[^\s()<>]++|\([^\s()<>]*+\))*+)>?+"
    r"(?:\s++(?:\"[^\"\n]*+\"|'[^'\n]*+'|\([^()\n]*+\)))?+\s*+\)"
)
_DEFINITION: Final = re.compile(r"^(?P<label>[ \t>*+-]*+(?:\d{1,9}[.)][ \t]++)?+\[[^\[\]]*+\]):", re.MULTILINE)
_ENTITY: Final = re.compile(r"&#?\w{1,31};")
_ACTIVE_NAMES: Final = (  # elements that change what follows them even without attributes
    "base body button form frameset head html iframe input link math meta noembed noframes noscript object plaintext"
    " script select style svg template textarea title xmp"
)
_ACTIVE: Final = frozenset(_ACTIVE_NAMES.split())


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
            if address.asked_as in known:
                continue
            pieces += [dissolved[position : address.start], address.broken if address.doubtful else REMOVED]
            position = address.end
            removed += not address.doubtful
        shown = "".join([*pieces, dissolved[position:]])
        removed += markup
        if shown == text:
            return Plain(text, removed)
        text = shown
    return None


def _dissolved(text: str, sources: str) -> tuple[str, int]:
    """Return the text with no markup but a passage's elements that do nothing, and how much it had of its own."""
    elements = links = 0
    if "<" in text:
        text, elements = _without_elements(_AUTOLINK.sub(r"\1", text), sources)
    if "](" in text:
        text, links = _without_links(text, sources)
    if "]:" in text:
        text = _DEFINITION.sub(r"\g<label>", text)
    if "&" in text:
        text = _ENTITY.sub(lambda found: found[0] if found[0] in sources else f"& {found[0][1:]}", text)
    return text, elements + links


def _without_elements(text: str, sources: str) -> tuple[str, int]:
    count = 0

    def tag(found: "re.Match[str]") -> str:
        nonlocal count
        if found[0] in sources:
            return found[0]
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
        label = f"[{said}]" if said.strip().isdecimal() else said
        if place and (f"]({place}" in sources or any(not one.doubtful for one in addresses(place))):
            return f"{label} ({place})"
        count += 1
        return label

    return _LINK.sub(link, text).replace("](", "] ("), count
