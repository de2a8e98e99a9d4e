"""Tables as Markdown writes them, so that whatever reads Markdown tells header and rows apart."""

from collections.abc import Iterator
from typing import Final

MAX_SPAN: Final = 100  # a page that asks for a million columns or rows is a bomb, not a table
MAX_COLUMNS: Final = 1_000
MAX_REPEATED: Final = 100_000  # characters that cells spanning rows may add to one table


class Table:
    """A table as it is read, cell by cell. A cell that spans rows is repeated in each: every row reads alone."""

    def __init__(self) -> None:
        self._rows: list[list[str]] = []
        self._hanging: dict[int, tuple[str, int]] = {}  # column: its text, and the rows below that it still covers
        self._repeated = 0

    def start_row(self) -> None:
        """Begin the next row."""
        self._cover()
        self._rows.append([])

    def add_cell(self, text: str, columns: int = 1, rows: int = 1) -> None:
        """Add a cell, of one or more lines, to the row; of the columns that it spans, all but the first stay empty."""
        if not self._rows:
            self._rows.append([])
        self._cover()
        row = self._rows[-1]
        if rows > 1:
            self._hanging[len(row)] = (text, min(rows, MAX_SPAN) - 1)
        empty = min(columns, MAX_SPAN, MAX_COLUMNS - len(row)) - 1
        row.extend([text] + [""] * empty)

    def repeat_cell_above(self, columns: int = 1) -> None:
        """Add the cell of the row before that stands in this column, because it reaches down into this row."""
        above = self._rows[-2] if len(self._rows) > 1 else []
        column = len(self._rows[-1]) if self._rows else 0
        text = above[column] if column < len(above) else ""
        self._repeated += len(text)
        self.add_cell(text if self._repeated <= MAX_REPEATED else "", columns)

    def lines(self) -> Iterator[str]:
        """Return the rows that hold anything, the first one as the header, without columns that are empty throughout.

        A table of one column is a page's layout: its cells keep their lines.
        """
        self._cover()
        used = {column for row in self._rows for column, cell in enumerate(row) if cell}
        rows = [[cell for column, cell in enumerate(row) if column in used] for row in self._rows if any(row)]
        if len(used) == 1:
            yield from (cell for row in rows for cell in row)
            return
        for number, row in enumerate(rows):
            cells = (cell.replace("\n", " ").replace("|", "\\|") for cell in row + [""] * (len(used) - len(row)))
            yield f"| {' | '.join(cells)} |"
            if number == 0:
                yield f"|{'---|' * len(used)}"

    def _cover(self) -> None:
        """Fill the columns that come next in the row as far as cells from above hang into them."""
        row = self._rows[-1] if self._rows else []
        while hanging := self._hanging.pop(len(row), None):
            text, left = hanging
            if left > 1:
                self._hanging[len(row)] = (text, left - 1)
            self._repeated += len(text)
            row.append(text if self._repeated <= MAX_REPEATED else "")
