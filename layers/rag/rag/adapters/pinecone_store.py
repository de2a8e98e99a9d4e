"""Pinecone adapter for the PassageSearch and ChunkIndex ports: one index, one namespace per tenant."""

import time
from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pinecone.index import Index
from pinecone.models.vectors.responses import QueryResponse

from rag.adapters.pinecone_connection import PineconeConnection
from rag.adapters.pinecone_filters import READERS, admitted
from rag.adapters.pinecone_reading import PineconeReading, answered
from rag.adapters.pinecone_records import Record, batches, to_chunk, to_entry, to_record
from rag.adapters.scores import cosine
from rag.errors import IndexUnavailable, InvalidRequest, MalformedResponse, UpstreamUnavailable
from rag.filters import Filter
from rag.models import IndexedChunk, IndexEntry, Principal, ScoredChunk
from rag.ports import Credential
from rag.vectors import Vector

_DELETED_AT_ONCE: Final = 1_000  # Pinecone's limit
_FETCHED_AT_ONCE: Final = 100  # its limit is 1,000, but ids travel in the address, and vectors come along
_DOCUMENTS_AT_ONCE: Final = 100
_ROUNDING: Final = 0.01  # how far float32 arithmetic may carry a dot product of unit vectors past 1
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0


class PineconeStore:
    """Chunks in one Pinecone index with the dotproduct metric, which on unit vectors is the cosine."""

    def __init__(
        self,
        credential: Credential,
        host: str,
        dimensions: int,
        deadline_seconds: float,
        *,
        settle_seconds: float = 60.0,
    ) -> None:
        self._connection = PineconeConnection(credential, host, deadline_seconds)
        self._reading = PineconeReading(self._connection)
        self._dimensions = dimensions
        self._settle_seconds = settle_seconds
        self._written: dict[str, int] = {}  # per namespace, the log position of the last write from here

    def search(
        self, vector: "Vector[float]", principal: Principal, top_k: int, where: Filter | None
    ) -> list[ScoredChunk]:
        """Return at most `top_k` chunks that the principal may read and `where` admits, best first."""
        self._check_dimensions(vector)
        namespace = _namespace(principal.tenant)

        def query(index: Index) -> QueryResponse:
            found = index.query(
                top_k=top_k,
                vector=vector.tolist(),
                namespace=namespace,
                filter=admitted(principal, where),
                include_metadata=True,
            )
            return answered(namespace, found)

        response = self._connection.call_or(query, absent=None)
        if response is None:
            return []
        found = [_scored(match.id, match.score, match.metadata, principal) for match in response.matches]
        return sorted(found, key=lambda passage: -passage.score)[:top_k]

    def upsert(self, tenant: str, chunks: Sequence[IndexedChunk]) -> None:
        """Store the chunks under their ids, in requests of at most 1,000 records and 2 MB.

        Raises:
            InvalidRequest: a chunk's fields exceed 40 KB. Nothing is written then, of any chunk.
        """
        namespace = _namespace(tenant)
        for item in chunks:
            self._check_dimensions(item.vector)
        for batch in batches([to_record(item) for item in chunks]):
            self._upsert(namespace, batch)

    def delete(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Delete the chunks with these ids; unknown ids are passed over."""
        namespace = _namespace(tenant)
        for ids in _slices(chunk_ids, _DELETED_AT_ONCE):

            def delete(index: Index, ids: Sequence[str] = ids) -> None:
                index.delete(ids=ids, namespace=namespace)

            self._connection.call_or(delete, absent=None)

    def entries(self, tenant: str, document_ids: Sequence[str]) -> Iterator[IndexEntry]:
        """Yield what the index holds of these documents, all versions.

        Pinecone has no narrower way to read metadata than whole records, vectors included: pages are small for that.
        """
        namespace = _namespace(tenant)
        for ids in _slices(document_ids, _DOCUMENTS_AT_ONCE):
            for page in self._reading.of_documents(namespace, ids):
                yield from (to_entry(record_id, record.metadata) for record_id, record in page.vectors.items())

    def fetch(self, tenant: str, chunk_ids: Sequence[str]) -> Iterator[IndexedChunk]:
        """Yield the tenant's chunks with these ids, in any order.

        A chunk that was written a moment ago may be missing, or come as it was before: until `settle` has returned for
        its id in the store that wrote it, Pinecone promises neither.
        """
        namespace = _namespace(tenant)
        for ids in _slices(list(dict.fromkeys(chunk_ids)), _FETCHED_AT_ONCE):
            for record_id, record in self._reading.records(namespace, ids).vectors.items():
                self._check_dimensions(record.values)
                yield IndexedChunk(to_chunk(record_id, record.metadata), array("f", record.values))

    def ids(self, tenant: str) -> Iterator[str]:
        """Yield the ids of all chunks of the tenant; what was written or deleted a moment ago may not show yet."""
        for page in self._reading.listed(_namespace(tenant)):
            yield from (item.id for item in page.vectors if item.id)

    def settle(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Block until reads see the chunks: Pinecone is eventually consistent.

        Reads must hold the ids, and have come as far in the log as this store's own last write, without which a chunk
        written again would be taken for settled in its old state. Each chunk is fetched once when it is there.
        """
        namespace = _namespace(tenant)
        give_up = time.monotonic() + self._settle_seconds
        pause = _FIRST_PAUSE
        for ids in _slices(chunk_ids, _FETCHED_AT_ONCE):
            missing = self._missing(namespace, ids)
            while missing:
                if time.monotonic() + pause > give_up:
                    raise UpstreamUnavailable(
                        f"Pinecone did not show all chunks within {self._settle_seconds:g} s of their being written."
                    )
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
                missing = self._missing(namespace, missing)

    def close(self) -> None:
        """Close the connections that are open."""
        self._connection.close()

    def _upsert(self, namespace: str, batch: list[Record]) -> None:
        response = self._connection.call(lambda index: index.upsert(vectors=batch, namespace=namespace))
        if response.upserted_count < len({record["id"] for record in batch}):
            raise MalformedResponse("Pinecone stored fewer records than it was sent.")
        position = response.response_info.lsn_committed if response.response_info else None
        if position is not None:
            self._written[namespace] = position

    def _missing(self, namespace: str, chunk_ids: Sequence[str]) -> list[str]:
        response = self._reading.records(namespace, chunk_ids)
        position = response.response_info.lsn_reconciled if response.response_info else None
        if position is not None and position < self._written.get(namespace, 0):
            return list(chunk_ids)
        return [chunk_id for chunk_id in chunk_ids if chunk_id not in response.vectors]

    def _check_dimensions(self, vector: Sequence[float]) -> None:
        if len(vector) != self._dimensions:
            raise IndexUnavailable(
                f"The index holds vectors of {self._dimensions} dimensions, the embedding model makes {len(vector)}."
            )


def _namespace(tenant: str) -> str:
    if not tenant:  # Pinecone would read its default namespace
        raise InvalidRequest("tenant is empty.")
    return tenant


def _scored(record_id: str, score: float, metadata: dict[str, object] | None, principal: Principal) -> ScoredChunk:
    chunk = to_chunk(record_id, metadata)
    if not set(chunk.readers) & set(principal.readers):
        raise MalformedResponse(f"Pinecone returned a record that its filter on {READERS} excludes.")
    similarity = cosine(score)
    if abs(score - similarity) > _ROUNDING:
        raise IndexUnavailable("The Pinecone index does not score by the dot product of unit vectors.")
    return ScoredChunk(chunk, similarity)


def _slices(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (items[start : start + size] for start in range(0, len(items), size))
