"""What a document's chunks depend on besides its content: where that is the same, they need not be made again."""

import hashlib
from dataclasses import dataclass
from typing import Final

from rag.index_pointer import IndexTarget

EXTRACTION: Final = "1"  # raised when extraction or chunking makes something else of the same bytes


@dataclass(frozen=True, slots=True)
class Recipe:
    """How chunks are made: their size and overlap in tokens, and the collection that readers search."""

    chunk_size: int
    chunk_overlap: int
    live: IndexTarget

    def digest(self, *parts: bytes) -> str:
        """Return the content hash of a document that is made of these parts."""
        digest = hashlib.sha256()
        settings = (EXTRACTION, str(self.chunk_size), str(self.chunk_overlap), self.live.slug)
        for part in (*(setting.encode() for setting in settings), *parts):
            digest.update(f"{len(part)}:".encode())
            digest.update(part)
        return digest.hexdigest()[:32]
