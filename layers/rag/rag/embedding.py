"""Use case of the embed state: a validated question and its vectors, from the cache where it holds them."""

from collections.abc import Callable
from dataclasses import dataclass

from rag import vectors
from rag.contract import ModeName
from rag.contracts import Embedding, EmbedRequest, EmbedResponse, QueryRequest, Rewriting, Spent
from rag.index_pointer import IndexTarget
from rag.ports import Embedder, EmbeddingCache, Pointer
from rag.pricing import cost_usd, total_usd
from rag.vectorising import CachedEmbedder


@dataclass(frozen=True, slots=True)
class Embedded:
    """The state's output, and what the embedding alone cost."""

    response: EmbedResponse
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class EmbedQuery:
    """Normalises a request and embeds its question with the model of the collection that is live."""

    pointer: Pointer
    embedder_of: Callable[[IndexTarget], Embedder]
    cache: EmbeddingCache
    default_top_k: int
    default_mode: ModeName

    def __call__(self, request: EmbedRequest) -> Embedded:
        """Return the normalised request with its vectors, where to search, and what all that took.

        Lexical mode needs no vectors, so nothing is embedded for it.

        Raises:
            InvalidRequest: before any call upstream.
            TransientError, PermanentError: as the pointer and the embedder do.
        """
        normalised = request.normalised(self.default_top_k, self.default_mode)
        target = self.pointer.read().live
        encoded, spent = ([], _spent()) if normalised.mode == "lexical" else self._embedded(normalised, target)
        response = EmbedResponse(
            request=normalised,
            embedding=Embedding(vectors=encoded, target=target),
            spent=_with_rewriting(spent, request.rewriting),
            degraded=request.degraded,
        )
        return Embedded(response, spent.cost_usd)

    def _embedded(self, query: QueryRequest, target: IndexTarget) -> tuple[list[str], Spent]:
        """Return the vectors of the question and of its phrasings, and what they took."""
        embedder = self.embedder_of(target)
        texts = [query.question, *query.phrasings]
        embedded = CachedEmbedder(embedder, self.cache).embed(query.tenant, texts)
        cost = cost_usd(embedder.model, embedder.endpoint, embedded.tokens)
        spent = _spent(embedded.tokens, cost, cached=embedded.reused == len(texts))
        return [vectors.encode(vector) for vector in embedded.vectors], spent


def _spent(tokens: int = 0, cost: float | None = 0.0, *, cached: bool = False) -> Spent:
    return Spent(embedding_tokens=tokens, prompt_tokens=0, completion_tokens=0, cost_usd=cost, cached_embedding=cached)


def _with_rewriting(spent: Spent, rewriting: Rewriting | None) -> Spent:
    if rewriting is None:
        return spent
    return Spent(
        embedding_tokens=spent.embedding_tokens,
        prompt_tokens=rewriting.prompt_tokens,
        completion_tokens=rewriting.completion_tokens,
        cost_usd=total_usd(spent.cost_usd, rewriting.cost_usd),
        cached_embedding=spent.cached_embedding,
    )
