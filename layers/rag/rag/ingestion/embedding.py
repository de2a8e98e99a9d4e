"""EmbedChunks state: turn a batch of chunks into vectors, reusing those that are known."""

from collections.abc import Callable
from dataclasses import dataclass

from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import BatchRequest, EmbedChunksResponse
from rag.ingestion.staging import Staging
from rag.ports import Embedder, EmbeddingCache, ObjectStore
from rag.pricing import cost_usd
from rag.vectorising import CachedEmbedder


@dataclass(frozen=True)
class EmbedChunks:
    """Embeds what no cache holds, in one request, and stages the vectors."""

    objects: ObjectStore
    embedder_of: Callable[[IndexTarget], Embedder]
    cache: EmbeddingCache

    def __call__(self, request: BatchRequest) -> EmbedChunksResponse:
        """Stage one vector per chunk; where that was done before, nothing is embedded.

        Raises:
            TransientError, PermanentError: as the embedder does.
            InternalError: the batch is staged no longer.
        """
        staging = Staging(self.objects, request.work)
        if (done := staging.embedded(request.batch, request.target)) is not None:
            return done
        chunks = staging.chunks(request.batch)
        embedder = self.embedder_of(request.target)
        texts = [chunk.embedded_text for chunk in chunks]
        embeddings = CachedEmbedder(embedder, self.cache).embed(request.work.tenant, texts)
        staging.write_vectors(request.batch, request.target, embeddings.vectors)
        response = EmbedChunksResponse(
            chunks=len(chunks),
            embedded=len(chunks) - embeddings.reused,
            reused=embeddings.reused,
            tokens=embeddings.tokens,
            cost_usd=cost_usd(embedder.model, embedder.endpoint, embeddings.tokens),
        )
        staging.write_embedded(request.batch, request.target, response)
        return response
