"""Use case of the embed state: a validated question and its vector, from the cache where it holds it."""

from collections.abc import Callable
from dataclasses import dataclass

from rag import vectors
from rag.contracts import Embedding, EmbedRequest, EmbedResponse
from rag.index_pointer import IndexTarget
from rag.ports import Embedder, EmbeddingCache, Pointer
from rag.pricing import cost_usd
from rag.vectorising import CachedEmbedder


@dataclass(frozen=True, slots=True)
class EmbedQuery:
    """Normalises a request and embeds its query with the model of the collection that is live."""

    pointer: Pointer
    embedder_of: Callable[[IndexTarget], Embedder]
    cache: EmbeddingCache
    default_top_k: int

    def __call__(self, request: EmbedRequest) -> EmbedResponse:
        """Return the normalised request with the query's vector, and the collection in which to search for it.

        Raises:
            InvalidRequest: before any call upstream.
            TransientError, PermanentError: as the pointer and the embedder do.
        """
        normalised = request.normalised(self.default_top_k)
        target = self.pointer.read().live
        embedder = self.embedder_of(target)
        embedded = CachedEmbedder(embedder, self.cache).embed(normalised.tenant, [normalised.query])
        return EmbedResponse(
            request=normalised,
            embedding=Embedding(
                vector=vectors.encode(embedded.vectors[0]),
                target=target,
                tokens=embedded.tokens,
                cached=embedded.reused == 1,
                cost_usd=cost_usd(embedder.model, embedder.endpoint, embedded.tokens),
            ),
        )
