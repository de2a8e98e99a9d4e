"""Packs chunks into batches, each of which one embeddings request, one write to the index and one object may hold."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from rag.models import Chunk

MAX_CHUNKS: Final = 1_000  # OpenAI takes 2,048 texts a request, but a batch that fails is done again as a whole
MAX_TOKENS: Final = 250_000  # OpenAI's limit is 300,000: other models count a little differently
MAX_BYTES: Final = 6_000_000  # as JSON: a function that holds a batch and its vectors stays small


def most_tokens(chunk: Chunk) -> int:
    """Return a bound on the tokens of the text that is embedded: none is less than a byte."""
    return chunk.tokens + len(f"{chunk.title}\n{chunk.heading}\n".encode())


class Packer:
    """Gathers chunks and hands each full batch on, in order."""

    def __init__(self, write: Callable[[int, Sequence[Chunk]], None]) -> None:
        self._write = write
        self._batch: list[Chunk] = []
        self._tokens = self._bytes = 0
        self.batches = 0  # handed on so far

    def add(self, chunk: Chunk) -> int:
        """Take a chunk, and return the number of the batch that it is in."""
        tokens, size = most_tokens(chunk), len(msgspec.json.encode(chunk)) + 1
        if (
            len(self._batch) == MAX_CHUNKS
            or self._tokens + tokens > MAX_TOKENS
            or (self._batch and self._bytes + size > MAX_BYTES)
        ):
            self.close()
        self._batch.append(chunk)
        self._tokens += tokens
        self._bytes += size
        return self.batches

    def close(self) -> None:
        """Hand on what was gathered, if anything."""
        if self._batch:
            self._write(self.batches, self._batch)
            self.batches += 1
            self._batch, self._tokens, self._bytes = [], 0, 0
