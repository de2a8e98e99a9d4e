"""HTML into text with Markdown's headings, so that one chunker serves all formats.

Read by selectolax on lexbor: it builds the tree that a browser builds (HTML5's rules for broken markup), is typed, has
wheels for arm64, and parses megabytes in a fraction of a second. Extractors that guess at "the article" of a page
(trafilatura, readability) were left aside: of a handbook they drop the tables and lists that hold the answer.

What `aria-hidden` marks stays: a sighted reader sees it. Style sheets are not evaluated, only elements' own styles.
"""

import re
from typing import Final

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag.documents.document import Extracted
from rag.documents.tables import Table

# fmt: off
_DROPPED: Final = frozenset({
    "head", "script", "style", "noscript", "template", "svg", "canvas", "annotation", "iframe", "object", "embed",
    "audio", "video", "select", "datalist", "textarea", "dialog", "-comment", "-doctype",
})
_BLOCKS: Final = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "header", "hr", "legend", "li", "main", "nav", "ol", "p",
    "pre", "section", "summary", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "ul",
})
# fmt: on
_HEADINGS: Final = {f"h{level}": "#" * level + " " for level in range(1, 7)}
_LAYOUT_TABLES: Final = "table:has(table, h1, h2, h3, h4, h5, h6), table[role=presentation]"
_HIDING: Final = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?:font-size|opacity)\s*:\s*0(?:\.0*)?(?![.\d])"
    r"|(?:text-indent|left|top)\s*:\s*-\d{3,}",  # moved off the page
    re.IGNORECASE,
)
_LINE_BREAK: Final = "\0"  # cannot occur in a page: HTML's parser replaces it
_FENCE: Final = re.compile(r"^`{3,}", re.MULTILINE)


def extract_html(text: str) -> Extracted:
    """Return the title of a page and what its reader sees: no scripts, styles, comments or hidden elements.

    Headings and tables become Markdown's, list items begin with a hyphen or a number, and preformatted text is fenced.
    """
    tree = LexborHTMLParser(text)
    page = _Page(
        hidden={node.mem_id for node in tree.css("[hidden], [style]") if _is_hidden(node)},
        layout={node.mem_id for node in tree.css(_LAYOUT_TABLES)},
    )
    if tree.root is not None:
        page.read(tree.root)
    title = tree.css_first("head > title")
    return Extracted("" if title is None else title.text().strip(), page.text(), "html")


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or _HIDING.search(attributes.get("style") or "") is not None


class _Page:
    """Collects the blocks of a page in reading order."""

    def __init__(self, hidden: set[int], layout: set[int]) -> None:
        self._hidden = hidden
        self._layout = layout
        self._blocks: list[tuple[str, str]] = []  # text, and what joins it to the block before
        self._inline: list[str] = []
        self._table: Table | None = None
        self._lists: list[int] = []  # number of the last item of each open list; unordered ones stay below zero
        self._bullet = ""

    def text(self) -> str:
        """Return all blocks, a blank line between them but none between items of a list."""
        return "".join(joint + text for text, joint in self._blocks).lstrip("\n")

    def read(self, root: LexborNode) -> None:
        """Walk the tree; without recursion, since pages may nest deeper than Python does."""
        todo = [(root, False)]
        while todo:
            node, leaving = todo.pop()
            tag = node.tag or ""
            if leaving:
                self._leave(node, tag)
            elif tag == "-text":
                self._inline.append(node.text_content or "")
            elif tag not in _DROPPED and node.mem_id not in self._hidden:
                self._enter(node, tag)
                todo.append((node, True))
                todo.extend((child, False) for child in reversed(list(node.iter(include_text=True))))

    def _enter(self, node: LexborNode, tag: str) -> None:
        if tag == "br":
            self._inline.append(_LINE_BREAK)
        elif self._table is not None:
            self._enter_in_table(tag, self._table)
        elif tag in _BLOCKS or tag in _HEADINGS:
            self._end_paragraph()
            self._enter_block(node, tag)

    def _enter_block(self, node: LexborNode, tag: str) -> None:
        if tag == "table" and node.mem_id not in self._layout:
            self._table = Table()
        elif tag in ("ul", "ol"):
            self._lists.append(0 if tag == "ol" else -1)
        elif tag == "li":
            self._bullet = self._next_bullet()

    def _enter_in_table(self, tag: str, table: Table) -> None:
        if tag == "tr":
            table.start_row()
        if tag in _BLOCKS:
            self._inline.append(_LINE_BREAK)

    def _leave(self, node: LexborNode, tag: str) -> None:
        if self._table is not None:
            self._leave_in_table(node, tag, self._table)
        elif tag in _HEADINGS:
            self._end_heading(_HEADINGS[tag])
        elif tag == "pre":
            self._end_preformatted()
        elif tag in _BLOCKS:
            self._end_paragraph()
            if tag in ("ul", "ol") and self._lists:
                self._lists.pop()

    def _leave_in_table(self, node: LexborNode, tag: str, table: Table) -> None:
        if tag in ("td", "th"):
            table.add_cell(self._taken_lines(), _span(node, "colspan"), _span(node, "rowspan"))
        elif tag == "caption":
            self._add(self._taken_lines())
        elif tag == "table":
            self._table = None
            self._inline.clear()
            self._add("\n".join(table.lines()))
        elif tag in _BLOCKS:
            self._inline.append(_LINE_BREAK)

    def _next_bullet(self) -> str:
        if not self._lists:
            return "- "
        indent = "  " * (len(self._lists) - 1)
        if self._lists[-1] < 0:
            return indent + "- "
        self._lists[-1] += 1
        return f"{indent}{self._lists[-1]}. "

    def _end_paragraph(self) -> None:
        self._add(self._taken_lines())

    def _end_heading(self, marker: str) -> None:
        words = self._taken_lines().replace("\n", " ")
        self._bullet = ""
        self._add(marker + words if words else "")

    def _end_preformatted(self) -> None:
        code = self._taken().replace(_LINE_BREAK, "\n").strip("\n")
        if code.strip():
            fence = max(_FENCE.findall(code), key=len, default="``") + "`"
            self._add(f"{fence}\n{code}\n{fence}")

    def _taken_lines(self) -> str:
        lines = (" ".join(line.split()) for line in self._taken().split(_LINE_BREAK))
        return "\n".join(filter(None, lines))

    def _taken(self) -> str:
        text = "".join(self._inline)
        self._inline.clear()
        return text

    def _add(self, text: str) -> None:
        if text:
            item = bool(self._bullet)
            self._blocks.append((self._bullet + text, "\n" if item and self._follows_item() else "\n\n"))
            self._bullet = ""

    def _follows_item(self) -> bool:
        return bool(self._blocks) and re.match(r"\s*(?:-|\d+\.) ", self._blocks[-1][0]) is not None


def _span(node: LexborNode, name: str) -> int:
    value = node.attributes.get(name) or ""
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 and int(value) > 0 else 1
