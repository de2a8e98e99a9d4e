"""Candidates as the passages that retrieval returns, as many of them as a state carries."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from rag.contracts import Passage
from rag.models import Candidate

_LABEL_CHARACTERS: Final = 500  # the state holds titles and sources again beside the prompt


def passage_of(candidate: Candidate) -> Passage:
    """Return the candidate as a passage, its labels shortened."""
    chunk = candidate.chunk
    return Passage(
        chunk_id=chunk.chunk_id,
        document_id=chunk.document_id,
        title=chunk.title[:_LABEL_CHARACTERS],
        source=chunk.source[:_LABEL_CHARACTERS],
        heading=chunk.heading[:_LABEL_CHARACTERS],
        text=chunk.text,
        tokens=chunk.tokens,
        start=chunk.start,
        end=chunk.end,
        page=chunk.page,
        metadata=dict(chunk.metadata),
        score=round(candidate.score, 6),
    )


def within_bytes(passages: Iterable[Passage], most: int) -> Iterator[Passage]:
    """Yield the best passages that fit in so many bytes; one that does not leaves its place to smaller ones."""
    left = most
    for passage in passages:
        size = len(msgspec.json.encode(passage)) + 1
        if size <= left:
            left -= size
            yield passage
