"""Use case of the search state: the passages nearest to a query's vector, of what the registry shows its principal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from rag import vectors
from rag.contracts import MAX_PASSAGES_BYTES, Passage, SearchRequest, SearchResponse
from rag.errors import InvalidRequest, UpstreamRejected
from rag.filters import parse_filter
from rag.index_pointer import IndexTarget
from rag.models import Chunk, Principal, ScoredChunk
from rag.ports import LiveDocuments, PassageSearch
from rag.registration import LiveVersion

MAX_CANDIDATES: Final = 1_000
_ROUNDS: Final = 3
_WIDENING: Final = 4
_SPARE: Final = 10
_LABEL_CHARACTERS: Final = 500  # the state holds titles and sources again beside the prompt


@dataclass(frozen=True, slots=True)
class Searched:
    """What was found, and how many relevant passages the index held that the registry does not show."""

    response: SearchResponse
    dropped: int


@dataclass(frozen=True, slots=True)
class SearchVectors:
    """Searches a collection for what is live and open to the principal, which the registry tells and not the index.

    A passage below `relevance_threshold` (cosine similarity) counts as irrelevant.
    """

    index_of: Callable[[IndexTarget], PassageSearch]
    live: LiveDocuments
    relevance_threshold: float

    def __call__(self, request: SearchRequest) -> Searched:
        """Return at most `top_k` relevant passages, best first, of at most 150 KiB in all.

        Raises:
            InvalidRequest: the vector is malformed or of other dimensions.
            TransientError: the store or the registry could not be read; then nothing is shown.
            PermanentError: as the store does.
        """
        query = request.request
        vector = vectors.decode(request.vector)
        if len(vector) != request.target.dimensions:
            raise InvalidRequest(f"vector must have {request.target.dimensions} dimensions.")
        principal = Principal(query.tenant, tuple(query.groups))
        where = parse_filter(query.filter) if query.filter is not None else None
        store = self.index_of(request.target)

        def relevant(count: int) -> list[ScoredChunk]:
            found = store.search(vector, principal, count, where)
            return [scored for scored in found if scored.score >= self.relevance_threshold]

        shown, dropped = _shown(relevant, _Visibility(self.live, principal), query.top_k)
        passages = list(_within_bytes(map(_passage, shown)))
        return Searched(SearchResponse(relevant=bool(passages), passages=passages, degraded=[]), dropped)


class _Visibility:
    """What one principal may see at the moment of one query. Each document is looked up once."""

    def __init__(self, live: LiveDocuments, principal: Principal) -> None:
        self._live = live
        self._principal = principal
        self._known: dict[str, LiveVersion | None] = {}

    def of(self, candidates: Sequence[ScoredChunk]) -> list[ScoredChunk]:
        """Return the candidates that the principal may see, in their order."""
        named = dict.fromkeys(scored.chunk.document_id for scored in candidates)
        unknown = [document_id for document_id in named if document_id not in self._known]
        if unknown:
            found = self._live.live(self._principal.tenant, unknown)
            self._known |= {document_id: found.get(document_id) for document_id in unknown}
        return [scored for scored in candidates if self._shows(scored.chunk)]

    def _shows(self, chunk: Chunk) -> bool:
        live = self._known[chunk.document_id]
        return live is not None and live.version == chunk.version and live.admits(self._principal.readers)


def _shown(
    relevant: Callable[[int], list[ScoredChunk]], visibility: _Visibility, top_k: int
) -> tuple[list[ScoredChunk], int]:
    """Return the best `top_k` that may be seen, and how many more were passed over.

    More are asked for than needed, and more again if that was not enough and the store may have others.
    """
    candidates: list[ScoredChunk] | None = None
    visible: list[ScoredChunk] = []
    for count in _counts(top_k):
        try:
            candidates = relevant(count)
        except UpstreamRejected:  # a result may be larger than a store sends, as with Pinecone's 4 MB
            if candidates is not None:
                break
            candidates = relevant(top_k)
        visible = visibility.of(candidates)
        if len(visible) >= top_k or len(candidates) < count:
            break
    return visible[:top_k], len(candidates or ()) - len(visible)


def _counts(top_k: int) -> list[int]:
    """Return how many candidates to ask for, in each round."""
    first = max(top_k + _SPARE, 2 * top_k)
    return [min(first * _WIDENING**number, MAX_CANDIDATES) for number in range(_ROUNDS)]


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
