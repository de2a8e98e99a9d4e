"""Candidates as the passages that retrieval returns, as many of them as a state carries."""

from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from rag.cleaning import without_invisible
from rag.contracts import Passage
from rag.models import Candidate
from rag.suspicion import addresses_the_model

_LABEL_CHARACTERS: Final = 500  # the state holds titles and sources again beside the prompt


def passage_of(candidate: Candidate) -> Passage:
    """Return the candidate as a passage, its labels shortened and its suspicion told."""
    chunk = candidate.chunk
    return Passage(
        chunk_id=chunk.chunk_id,
        document_id=chunk.document_id,
        title=_label(chunk.title),
        source=_label(chunk.source),
        heading=_label(chunk.heading),
        text=chunk.text,
        tokens=chunk.tokens,
        start=chunk.start,
        end=chunk.end,
        page=chunk.page,
        metadata=dict(chunk.metadata),
        score=round(candidate.score, 6),
        suspicious=addresses_the_model(chunk.title, chunk.source, chunk.text),
    )


def _label(text: str) -> str:
    return without_invisible(text)[0][:_LABEL_CHARACTERS]


def within_bytes(passages: Iterable[Passage], most: int) -> Iterator[Passage]:
    """Yield the best passages that fit in so many bytes; one that does not leaves its place to smaller ones."""
    left = most
    for passage in passages:
        size = len(msgspec.json.encode(passage)) + 1
        if size <= left:
            left -= size
            yield passage
