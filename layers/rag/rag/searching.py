"""Use case of the search state: the passages nearest to a query's vector, bounded, and whether any is relevant."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import msgspec

from rag import vectors
from rag.contracts import MAX_PASSAGES_BYTES, Passage, SearchRequest, SearchResponse
from rag.errors import InvalidRequest
from rag.filters import parse_filter
from rag.models import Principal, ScoredChunk
from rag.ports import PassageSearch

_LABEL_CHARACTERS = 500  # the state holds titles and sources again beside the prompt


@dataclass(frozen=True, slots=True)
class SearchVectors:
    """Searches one vector store. A passage below `relevance_threshold` (cosine similarity) counts as irrelevant."""

    passages: PassageSearch
    dimensions: int
    relevance_threshold: float

    def __call__(self, request: SearchRequest) -> SearchResponse:
        """Return at most `top_k` relevant passages, best first, of at most 150 KiB in all.

        Raises:
            InvalidRequest: the vector is malformed or of other dimensions.
            TransientError, PermanentError: as the store does.
        """
        query = request.request
        vector = vectors.decode(request.vector)
        if len(vector) != self.dimensions:
            raise InvalidRequest(f"vector must have {self.dimensions} dimensions.")
        found = self.passages.search(
            vector,
            Principal(query.tenant, tuple(query.groups)),
            query.top_k,
            parse_filter(query.filter) if query.filter is not None else None,
        )
        relevant = [_passage(scored) for scored in found if scored.score >= self.relevance_threshold]
        passages = list(_within_bytes(relevant))
        return SearchResponse(relevant=bool(passages), passages=passages, degraded=[])


def _passage(scored: ScoredChunk) -> Passage:
    chunk = scored.chunk
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
        score=round(scored.score, 6),
    )


def _within_bytes(passages: Iterable[Passage]) -> Iterator[Passage]:
    """Yield the best passages that fit; one that does not leaves its place to smaller ones."""
    left = MAX_PASSAGES_BYTES
    for passage in passages:
        size = len(msgspec.json.encode(passage)) + 1
        if size <= left:
            left -= size
            yield passage
