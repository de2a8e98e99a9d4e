"""CSV into text: each row a paragraph that names its columns, so that it is understood wherever it is cut off."""

import csv
from collections.abc import Iterator
from itertools import chain
from typing import Final

from rag.documents.document import MAX_TEXT_BYTES, TOO_MUCH_TEXT, Extracted
from rag.errors import UnreadableDocument

MAX_COLUMNS: Final = 1_000

_DELIMITERS: Final = (",", ";", "\t", "|")
_SAMPLE_CHARACTERS: Final = 64_000
_SAMPLE_ROWS: Final = 50


def extract_csv(text: str) -> Extracted:
    """Return the rows of a table, one paragraph each: `name: value; name: value`. Empty cells are left out.

    Raises:
        UnreadableDocument: a quotation mark is never closed, or there are too many columns.
    """
    text = text.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    delimiter, text = _declared(text)
    rows = _rows(text, delimiter or _delimiter(text))
    first = next(rows, [])
    names, leading = (first, []) if _is_header(first) else ([], [first])
    parts, characters = list[str](), 0
    for row in chain(leading, rows):
        if paragraph := _paragraph(names, row):
            parts.append(paragraph)
            characters += len(paragraph)
            if characters > MAX_TEXT_BYTES:
                raise UnreadableDocument(TOO_MUCH_TEXT)
    if not parts and names:
        parts.append(" | ".join(names))
    return Extracted("", "\n\n".join(parts), "csv")


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Yield the rows that hold anything, their cells on one line each."""
    try:
        for row in csv.reader(text.splitlines(keepends=True), delimiter=delimiter):
            if len(row) > MAX_COLUMNS:
                raise UnreadableDocument(f"A row has more than {MAX_COLUMNS:,} columns: split the table.")
            cells = [" ".join(cell.split()) for cell in row]
            if any(cells):
                yield cells
    except csv.Error as error:
        raise UnreadableDocument(
            f"A field is longer than {csv.field_size_limit():,} characters: perhaps a quotation mark is not closed."
        ) from error


def _declared(text: str) -> tuple[str, str]:
    """Return the delimiter of the line `sep=;` that Excel writes, and the text behind it."""
    line, _, rest = text.partition("\n")
    return (line[4], rest) if line.startswith("sep=") and len(line) == 5 else ("", text)


def _delimiter(text: str) -> str:
    """Return the delimiter that cuts most rows of a sample into the same number of cells, the most of these."""
    sample = text[:_SAMPLE_CHARACTERS].splitlines(keepends=True)[:_SAMPLE_ROWS]
    return max(_DELIMITERS, key=lambda delimiter: _agreement(sample, delimiter))


def _agreement(sample: list[str], delimiter: str) -> tuple[float, int]:
    try:
        counts = [len(row) for row in csv.reader(sample, delimiter=delimiter) if row]
    except csv.Error:
        return (0.0, 0)
    several = [count for count in counts if count > 1]
    if not several:
        return (0.0, 0)
    usual = max(set(several), key=several.count)
    return (round(several.count(usual) / len(counts), 1), usual)


def _is_header(row: list[str]) -> bool:
    """Tell whether a table's first row names its columns: distinct words, no numbers."""
    named = [cell for cell in row if cell]
    return bool(named) and len(set(named)) == len(named) and not any(_is_number(cell) for cell in named)


def _is_number(cell: str) -> bool:
    return cell.strip("+-€$£% ").replace(",", "").replace(".", "").isdigit()


def _paragraph(names: list[str], row: list[str]) -> str:
    if not names:
        return " | ".join(row)
    labels = chain(names, (f"column {number}" for number in range(len(names) + 1, len(row) + 1)))
    return "; ".join(f"{label}: {cell}" if label else cell for label, cell in zip(labels, row, strict=False) if cell)
