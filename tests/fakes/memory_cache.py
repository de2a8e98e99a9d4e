"""The EmbeddingCache port in a dictionary."""

from collections.abc import Mapping, Sequence

from rag.vectors import Vector


class MemoryCache:
    """Remembers for as long as it lives."""

    def __init__(self) -> None:
        self.vectors: dict[str, Vector[float]] = {}

    def get(self, keys: Sequence[str]) -> "Mapping[str, Vector[float]]":
        return {key: self.vectors[key] for key in keys if key in self.vectors}

    def put(self, vectors: "Mapping[str, Vector[float]]") -> None:
        self.vectors.update(vectors)

    def forget(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.vectors.pop(key, None)
