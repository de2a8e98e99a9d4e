"""Use case of the embed state: a validated question and its vector, from the cache where it holds it."""

from dataclasses import dataclass

from rag import vectors
from rag.contracts import Embedding, EmbedRequest, EmbedResponse
from rag.ports import Embedder, EmbeddingCache
from rag.pricing import cost_usd
from rag.vectorising import CachedEmbedder


@dataclass(frozen=True, slots=True)
class EmbedQuery:
    """Normalises a request and embeds its query."""

    embedder: Embedder
    cache: EmbeddingCache
    default_top_k: int

    def __call__(self, request: EmbedRequest) -> EmbedResponse:
        """Return the normalised request with the query's vector.

        Raises:
            InvalidRequest: before any call upstream.
            TransientError, PermanentError: as the embedder does.
        """
        normalised = request.normalised(self.default_top_k)
        embedded = CachedEmbedder(self.embedder, self.cache).embed(normalised.tenant, [normalised.query])
        vector = embedded.vectors[0]
        return EmbedResponse(
            request=normalised,
            embedding=Embedding(
                vector=vectors.encode(vector),
                dimensions=len(vector),
                model=self.embedder.model,
                tokens=embedded.tokens,
                cached=embedded.reused == 1,
                cost_usd=cost_usd(self.embedder.model, self.embedder.endpoint, embedded.tokens),
            ),
        )
