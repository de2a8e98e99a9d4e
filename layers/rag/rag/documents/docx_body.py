"""The body of a DOCX, element by element: paragraphs, tables and notes, as they close."""

import re
from dataclasses import dataclass, field
from typing import Final

from rag.documents.document import MAX_TEXT_BYTES, TOO_MUCH_TEXT
from rag.documents.docx_styles import TITLE, Numbering, Styles, heading_level, is_on, number
from rag.documents.tables import Table
from rag.errors import UnreadableDocument

_SKIPPED: Final = frozenset(  # Fallback repeats its Choice; old properties and deleted text are no more; rt spells ruby
    {"Fallback", "moveFrom", "rPrChange", "pPrChange", "tblPrChange", "tcPrChange", "numberingChange", "rt"}
)
_NO_NOTES: Final = frozenset({"separator", "continuationSeparator", "continuationNotice"})
_ITEM: Final = re.compile(r" *(?:-|\S{1,12}[.)]) ")
_CHARACTERS: Final = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "softHyphen": "", "ptab": " "}


@dataclass(slots=True)
class _Paragraph:
    style: str = ""
    outline: int | None = None
    list_id: str | None = None
    list_level: int | None = None
    pieces: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Cell:
    lines: list[str] = field(default_factory=list)
    columns: int = 1
    continues: bool = False


class Body:
    """Listens to a document, or to its notes, and keeps what a reader sees."""

    def __init__(self, styles: Styles, numbering: Numbering, notes: dict[str, str]) -> None:
        self.title = ""
        self.notes: dict[str, str] = {}  # that were read here, by kind and id
        self._styles = styles
        self._numbering = numbering
        self._known_notes = notes
        self._blocks: list[tuple[str, str]] = []  # text, and what joins it to the block before
        self._characters = 0
        self._paragraphs: list[_Paragraph] = []  # those that are open: text boxes lie within paragraphs
        self._tables: list[Table] = []
        self._cells: list[_Cell] = []
        self._note = ""
        self._skipping = 0
        self._properties = 0  # of paragraphs that are open; a tab in them is a stop, and no character
        self._in_text = False
        self._hidden = False

    def document_text(self) -> str:
        """Return all blocks, a blank line between them but none between items of a list."""
        return "".join(joint + text for text, joint in self._blocks).lstrip("\n")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Take the beginning of an element."""
        if name in _SKIPPED or self._skipping:
            self._skipping += name in _SKIPPED
        elif name == "p":
            self._paragraphs.append(_Paragraph())
        elif name == "pPr":
            self._properties += 1
        elif name == "t":
            self._in_text = not self._hidden
        elif name == "r":
            self._hidden = False
        elif name in ("vanish", "rStyle"):
            self._hidden = is_on(attributes) if name == "vanish" else self._styles.is_hidden(attributes.get("val", ""))
        elif name in ("tbl", "tr", "tc", "gridSpan", "vMerge"):
            self._start_in_table(name, attributes)
        elif name in ("footnote", "endnote"):
            self._note = "" if attributes.get("type") in _NO_NOTES else f"{name} {attributes.get('id', '')}"
        elif self._paragraphs:
            self._start_in_paragraph(self._paragraphs[-1], name, attributes)

    def _start_in_paragraph(self, paragraph: _Paragraph, name: str, attributes: dict[str, str]) -> None:
        value = attributes.get("val", "")
        if name in _CHARACTERS and not self._hidden and not self._properties:
            paragraph.pieces.append(_CHARACTERS[name])
        elif name == "pStyle":
            paragraph.style = value
        elif name == "outlineLvl":
            paragraph.outline = number(value, 9)
        elif name == "numId":
            paragraph.list_id = value
        elif name == "ilvl":
            paragraph.list_level = number(value, 0)
        elif name in ("footnoteReference", "endnoteReference"):
            note = self._known_notes.pop(f"{name.removesuffix('Reference')} {attributes.get('id', '')}", "")
            paragraph.notes += [note] if note else []

    def _start_in_table(self, name: str, attributes: dict[str, str]) -> None:
        if name == "tbl":
            self._tables.append(Table())
        elif name == "tr" and self._tables:
            self._tables[-1].start_row()
        elif name == "tc":
            self._cells.append(_Cell())
        elif name == "gridSpan" and self._cells:
            self._cells[-1].columns = max(number(attributes.get("val", ""), 1), 1)
        elif name == "vMerge" and self._cells:
            self._cells[-1].continues = attributes.get("val", "continue") == "continue"

    def end(self, name: str) -> None:
        """Take the end of an element."""
        if self._skipping:
            self._skipping -= name in _SKIPPED
        elif name == "t":
            self._in_text = False
        elif name == "p" and self._paragraphs:
            self._end_paragraph(self._paragraphs.pop())
        elif name == "pPr":
            self._properties -= 1
        elif name == "tc" and self._cells and self._tables:
            self._end_cell(self._cells.pop(), self._tables[-1])
        elif name == "tbl" and self._tables:
            self._end_table(self._tables.pop())
        elif name in ("footnote", "endnote"):
            self._note = ""

    def text(self, data: str) -> None:
        """Take characters."""
        if self._in_text and not self._skipping and self._paragraphs:
            self._paragraphs[-1].pieces.append(data)

    def _end_paragraph(self, paragraph: _Paragraph) -> None:
        lines = (" ".join(line.split()) for line in "".join(paragraph.pieces).split("\n"))
        words = "\n".join(filter(None, lines))
        if words:
            self._add_paragraph(paragraph, words)
        for note in paragraph.notes:
            self._add(f"(Note: {note})")

    def _add_paragraph(self, paragraph: _Paragraph, words: str) -> None:
        level = self._styles.heading(paragraph.style)
        if paragraph.outline is not None and level is None:
            level = heading_level(paragraph.outline)
        list_id, list_level = self._styles.list_of(paragraph.style)
        if paragraph.list_id is not None:
            list_id, list_level = paragraph.list_id, 0
        list_level = list_level if paragraph.list_level is None else paragraph.list_level
        label = self._numbering.label(list_id, list_level)
        if level is not None and not self._cells and not self._note:
            words = words.replace("\n", " ")
            if level == TITLE and not self.title:
                self.title = words
            self._add("#" * max(level, 1) + " " + (f"{label} {words}" if label.strip("-") else words))
        else:
            indent = "  " * min(list_level, 8) if label else ""
            self._add(f"{indent}{label} {words}" if label else words, is_item=bool(label))

    def _end_cell(self, cell: _Cell, table: Table) -> None:
        if cell.continues:
            table.repeat_cell_above(cell.columns)
        else:
            table.add_cell("\n".join(cell.lines), cell.columns)

    def _end_table(self, table: Table) -> None:
        lines = list(table.lines())
        if self._cells:  # a table in a cell: its rows are the cell's lines
            self._cells[-1].lines += [line.strip("| ").replace(" | ", ", ") for line in lines if line.strip("|-")]
        else:
            self._add("\n".join(lines))

    def _add(self, text: str, *, is_item: bool = False) -> None:
        self._characters += len(text)
        if self._characters > MAX_TEXT_BYTES:
            raise UnreadableDocument(TOO_MUCH_TEXT)
        if self._cells:
            self._cells[-1].lines.append(text)
        elif self._note:
            self.notes[self._note] = " ".join(filter(None, (self.notes.get(self._note), text)))
        elif text:
            follows_item = is_item and self._blocks and _ITEM.match(self._blocks[-1][0])
            self._blocks.append((text, "\n" if follows_item else "\n\n"))
