"""What ingestion works on: a document that could be read, or the reason why one could not."""

from dataclasses import dataclass
from typing import Final

MAX_TEXT_BYTES: Final = 64_000_000  # of UTF-8: what one function can cut and stage in its memory
TOO_MUCH_TEXT: Final = "It holds more than 64 MB of text: split it."


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document that is not loaded, and why, in words that a person can act on."""

    document_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Extracted:
    """A document's title, empty where it has none of its own, its text, and the format that it was read as.

    `pages` holds where in the text each page begins, counted in characters, and is empty where the format knows no
    pages; an empty page begins where the next one does. `stripped` counts invisible characters that were taken out.
    """

    title: str
    text: str
    format: str
    pages: tuple[int, ...] = ()
    stripped: int = 0
