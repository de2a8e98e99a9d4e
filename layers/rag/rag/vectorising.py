"""Texts into vectors, each distinct text embedded once and then reused from the cache."""

from collections.abc import Sequence
from dataclasses import dataclass

from rag.errors import MalformedResponse
from rag.identity import embedding_key
from rag.models import Embeddings
from rag.ports import Embedder, EmbeddingCache
from rag.vectors import Vector


@dataclass(frozen=True, slots=True)
class ReusedEmbeddings:
    """One vector per text, the tokens that the model counted just now, and how many texts needed no embedding.

    `fresh` are the positions of the others, the first one's where a text occurs more than once.
    """

    vectors: "Sequence[Vector[float]]"
    tokens: int
    reused: int
    fresh: frozenset[int] = frozenset()


class CachedEmbedder:
    """An embedder with a memory. What the model returns is checked before it is remembered."""

    def __init__(self, embedder: Embedder, cache: EmbeddingCache) -> None:
        self._embedder = embedder
        self._cache = cache

    def embed(self, tenant: str, texts: Sequence[str]) -> ReusedEmbeddings:
        """Return one vector per text, in the order given; without a miss the model is not called.

        Raises:
            TransientError, PermanentError: as the embedder does.
            MalformedResponse: it returned another number of vectors than asked for, or other dimensions.
        """
        keys = [self._key(tenant, text) for text in texts]
        distinct = dict(zip(keys, texts, strict=True))
        known = {key: vector for key, vector in self._cache.get(list(distinct)).items() if self._fits(vector)}
        missing = {key: text for key, text in distinct.items() if key not in known}
        if not missing:
            return ReusedEmbeddings([known[key] for key in keys], tokens=0, reused=len(texts))
        embedded = self._embedder.embed(list(missing.values()))
        self._check(embedded, asked=len(missing))
        new = dict(zip(missing, embedded.vectors, strict=True))
        self._cache.put(new)
        vectors = known | new
        return ReusedEmbeddings(
            [vectors[key] for key in keys],
            embedded.tokens,
            reused=len(texts) - len(missing),
            fresh=frozenset(map(keys.index, missing)),
        )

    def _key(self, tenant: str, text: str) -> str:
        return embedding_key(tenant, self._embedder.endpoint, self._embedder.model, self._embedder.dimensions, text)

    def _fits(self, vector: "Vector[float]") -> bool:
        return len(vector) == self._embedder.dimensions

    def _check(self, embedded: Embeddings, asked: int) -> None:
        if len(embedded.vectors) != asked:
            raise MalformedResponse(f"The embedding model returned {len(embedded.vectors)} vectors for {asked} texts.")
        for vector in embedded.vectors:
            if not self._fits(vector):
                raise MalformedResponse(
                    f"The embedding model returned a vector of {len(vector)} dimensions instead of "
                    f"{self._embedder.dimensions}: EmbeddingModel and EmbeddingDimensions do not belong together."
                )
