"""Styles and numbering of a DOCX: which paragraphs are headings, and what stands before an item of a list."""

import re
from dataclasses import dataclass
from typing import Final

TITLE: Final = 0  # the level of a document's title, above all headings

_HEADING: Final = re.compile(r"heading (\d)", re.IGNORECASE)
_PLACEHOLDER: Final = re.compile(r"%(\d)")
_BODY_LEVEL: Final = 9  # of an outline: no heading
_LONGEST_CHAIN: Final = 20  # styles based on styles; a circle of them ends there
_DEEPEST: Final = 9
_OFF: Final = frozenset({"0", "false", "off", "none"})
_ROMAN: Final = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"),
                 (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip


def is_on(attributes: dict[str, str]) -> bool:
    """Tell whether a property that is present is on."""
    return attributes.get("val", "true") not in _OFF


@dataclass(slots=True)
class Style:
    """One style of paragraphs or characters, as far as it matters here."""

    name: str = ""
    based_on: str = ""
    outline: int | None = None
    list_id: str = ""
    list_level: int = 0
    hidden: bool | None = None


class Styles:
    """Listens to `styles.xml`."""

    def __init__(self) -> None:
        self._styles: dict[str, Style] = {}
        self._open: Style | None = None

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""
        if name == "style":
            self._open = self._styles.setdefault(attributes.get("styleId", ""), Style())
            return
        if self._open is None:
            return
        value = attributes.get("val", "")
        if name == "name":
            self._open.name = value
        elif name == "basedOn":
            self._open.based_on = value
        elif name == "outlineLvl":
            self._open.outline = number(value, _BODY_LEVEL)
        elif name == "numId":
            self._open.list_id = value
        elif name == "ilvl":
            self._open.list_level = number(value, 0)
        elif name == "vanish":
            self._open.hidden = is_on(attributes)

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name == "style":
            self._open = None

    def text(self, data: str) -> None:
        """Pass over characters: styles hold none."""

    def heading(self, style_id: str) -> int | None:
        """Return the level of headings of this style, 1 to 6, or TITLE, or None where it is no heading's."""
        for style in self._chain(style_id):
            if style.name.lower() == "title":
                return TITLE
            if found := _HEADING.fullmatch(style.name):
                return min(max(int(found[1]), 1), 6)
            if style.outline is not None:
                return heading_level(style.outline)
        return None

    def list_of(self, style_id: str) -> tuple[str, int]:
        """Return the list and the level in it of paragraphs of this style; the list's id may be empty."""
        for style in self._chain(style_id):
            if style.list_id:
                return style.list_id, style.list_level
        return "", 0

    def is_hidden(self, style_id: str) -> bool:
        """Tell whether text of this style is hidden."""
        return next((style.hidden for style in self._chain(style_id) if style.hidden is not None), False)

    def _chain(self, style_id: str) -> list[Style]:
        chain = list[Style]()
        while (style := self._styles.get(style_id)) and len(chain) < _LONGEST_CHAIN:
            chain.append(style)
            style_id = style.based_on
        return chain


def heading_level(outline: int) -> int | None:
    """Return the heading level of an outline level, which counts from 0."""
    return min(outline + 1, 6) if 0 <= outline < _BODY_LEVEL else None


def number(value: str, otherwise: int) -> int:
    """Return a small number that an attribute holds."""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else otherwise


@dataclass(slots=True)
class Level:
    """One level of a list: how its items are numbered, and what the label is made of."""

    format: str = "decimal"
    label: str = ""
    start: int = 1


class Numbering:
    """Listens to `numbering.xml`, and counts the items of a document's lists."""

    def __init__(self) -> None:
        self._abstract: dict[str, dict[int, Level]] = {}
        self._lists: dict[str, str] = {}
        self._counts: dict[tuple[str, int], int] = {}
        self._open: dict[int, Level] | None = None
        self._level: Level | None = None
        self._list = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""
        value = attributes.get("val", "")
        if name == "abstractNum":
            self._open = self._abstract.setdefault(attributes.get("abstractNumId", ""), {})
        elif name == "num":
            self._list = attributes.get("numId", "")
        elif name == "abstractNumId":
            self._lists[self._list] = value
        elif name == "lvl" and self._open is not None:
            self._level = self._open.setdefault(number(attributes.get("ilvl", ""), 0), Level())
        elif self._level is not None:
            if name == "numFmt":
                self._level.format = value
            elif name == "lvlText":
                self._level.label = value
            elif name == "start":
                self._level.start = number(value, 1)

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if name == "abstractNum":
            self._open = self._level = None
        elif name == "lvl":
            self._level = None

    def text(self, data: str) -> None:
        """Pass over characters: numbering holds none."""

    def label(self, list_id: str, level: int) -> str:
        """Return what stands before the next item of a list: a hyphen, a number with its punctuation, or nothing."""
        family = self._lists.get(list_id)
        if family is None or level > _DEEPEST:
            return ""
        levels = self._abstract.get(family, {})
        own = levels.get(level, Level("bullet"))
        if own.format in ("bullet", "none"):
            return "-" if own.format == "bullet" else ""
        key = (family, level)  # lists made of one definition go on counting
        self._counts[key] = self._counts.get(key, own.start - 1) + 1
        for deeper in range(level + 1, _DEEPEST):
            self._counts.pop((family, deeper), None)
        return _PLACEHOLDER.sub(lambda found: self._number(family, levels, int(found[1]) - 1), own.label)

    def _number(self, family: str, levels: dict[int, Level], level: int) -> str:
        own = levels.get(level, Level())
        return _written(self._counts.get((family, level), own.start), own.format)


def _written(count: int, kind: str) -> str:
    if kind in ("lowerLetter", "upperLetter"):
        letters = chr(ord("a") + (count - 1) % 26) * ((count - 1) // 26 % 10 + 1)
        return letters.upper() if kind == "upperLetter" else letters
    if kind in ("lowerRoman", "upperRoman"):
        roman, rest = "", count % 4000
        for worth, sign in _ROMAN:
            roman += sign * (rest // worth)
            rest %= worth
        return roman.upper() if kind == "upperRoman" else roman
    return str(count)
