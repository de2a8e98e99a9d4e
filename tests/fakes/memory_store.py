"""A vector store in memory: the PassageSearch and ChunkIndex ports in plain Python."""

import math
from collections.abc import Iterator, Sequence

from rag.errors import IndexUnavailable, UpstreamUnavailable
from rag.filters import Clause, Filter, Scalar
from rag.models import IndexedChunk, IndexEntry, Metadata, Principal, ScoredChunk
from rag.vectors import Vector
from tests.fakes.bm25 import Bm25


class MemoryStore:
    """Chunks of vectors of one length, per tenant."""

    def __init__(self, dimensions: int) -> None:
        self._dimensions = dimensions
        self._tenants: dict[str, dict[str, IndexedChunk]] = {}

    def dense(
        self, vectors: "Sequence[Vector[float]]", principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        for vector in vectors:
            self._check(vector)
        readable = self._readable(principal, where)
        return [
            _best([ScoredChunk(item.chunk, _cosine(vector, item.vector)) for item in readable], top_k)
            for vector in vectors
        ]

    def lexical(
        self, texts: Sequence[str], principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        words = Bm25([item.chunk for item in self._tenants.get(principal.tenant, {}).values()])
        readable = self._readable(principal, where)
        scored = [[ScoredChunk(item.chunk, words.score(text, item.chunk)) for item in readable] for text in texts]
        return [_best([found for found in one if found.score > 0], top_k) for one in scored]

    def similarities(self, vector: "Vector[float]", principal: Principal, chunk_ids: Sequence[str]) -> dict[str, float]:
        self._check(vector)
        readable = {item.chunk.chunk_id: item for item in self._readable(principal, None)}
        return {key: _cosine(vector, readable[key].vector) for key in chunk_ids if key in readable}

    def upsert(self, tenant: str, chunks: Sequence[IndexedChunk]) -> None:
        for item in chunks:
            self._check(item.vector)
        self._tenants.setdefault(tenant, {}).update({item.chunk.chunk_id: item for item in chunks})

    def delete(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        for chunk_id in chunk_ids:
            self._tenants.get(tenant, {}).pop(chunk_id, None)

    def entries(self, tenant: str, document_ids: Sequence[str]) -> Iterator[IndexEntry]:
        for item in list(self._tenants.get(tenant, {}).values()):
            if item.chunk.document_id in document_ids:
                yield IndexEntry(item.chunk.chunk_id, item.chunk.document_id, item.chunk.version)

    def fetch(self, tenant: str, chunk_ids: Sequence[str]) -> Iterator[IndexedChunk]:
        held = self._tenants.get(tenant, {})
        for chunk_id in dict.fromkeys(chunk_ids):
            if chunk_id in held:
                yield held[chunk_id]

    def ids(self, tenant: str) -> Iterator[str]:
        yield from list(self._tenants.get(tenant, {}))

    def settle(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        if not self._tenants.get(tenant, {}).keys() >= set(chunk_ids):
            raise UpstreamUnavailable("Not all chunks are there, and none will come by itself.")

    def _readable(self, principal: Principal, where: Filter | None) -> list[IndexedChunk]:
        return [
            item
            for item in self._tenants.get(principal.tenant, {}).values()
            if set(item.chunk.readers) & set(principal.readers)
            and (where is None or admits(where, item.chunk.metadata))
        ]

    def _check(self, vector: "Vector[float]") -> None:
        if len(vector) != self._dimensions:
            raise IndexUnavailable(f"The index holds vectors of {self._dimensions} dimensions.")


def admits(where: Filter, metadata: Metadata) -> bool:
    """Tell whether a filter admits a chunk's metadata."""
    if isinstance(where, Clause):
        return _holds(where, metadata)
    outcomes = (admits(operand, metadata) for operand in where.operands)
    return all(outcomes) if where.operator == "$and" else any(outcomes)


def _holds(clause: Clause, metadata: Metadata) -> bool:
    value = metadata.get(clause.field)
    if clause.operator == "$exists":
        return (value is not None) == clause.value
    if value is None:
        return False
    operands = clause.value if isinstance(clause.value, tuple) else (clause.value,)
    match clause.operator:
        case "$eq" | "$in":
            return any(_same(value, operand) for operand in operands)
        case "$ne" | "$nin":
            return not any(_same(value, operand) for operand in operands)
        case _:
            return _compares(value, clause.operator, operands[0])


def _same(value: Scalar, operand: Scalar) -> bool:
    return isinstance(value, bool) == isinstance(operand, bool) and value == operand


def _compares(value: Scalar, operator: str, bound: Scalar) -> bool:
    if isinstance(value, bool | str) or isinstance(bound, str):
        return False
    return {"$gt": value > bound, "$gte": value >= bound, "$lt": value < bound, "$lte": value <= bound}[operator]


def _best(found: Sequence[ScoredChunk], top_k: int) -> list[ScoredChunk]:
    return sorted(found, key=lambda scored: -scored.score)[:top_k]


def _cosine(left: "Vector[float]", right: "Vector[float]") -> float:
    product = sum(a * b for a, b in zip(left, right, strict=True))
    return product / (math.hypot(*left) * math.hypot(*right))
