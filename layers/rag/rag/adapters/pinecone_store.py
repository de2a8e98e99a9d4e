"""Pinecone adapter for the PassageSearch and ChunkIndex ports: one index, one namespace per tenant."""

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import mul

from pinecone.index import Index
from pinecone.models.response_info import ResponseInfo
from pinecone.models.vectors.responses import QueryResponse
from pinecone.models.vectors.vector import ScoredVector

from rag.adapters.pinecone_connection import PineconeConnection
from rag.adapters.pinecone_filters import admitted
from rag.adapters.pinecone_limits import DELETED_AT_ONCE, DOCUMENTS_AT_ONCE, FETCHED_AT_ONCE, Record, batches, slices
from rag.adapters.pinecone_reading import PineconeReading, answered
from rag.adapters.pinecone_records import to_chunk, to_entry, to_record
from rag.adapters.pinecone_results import best, check_dimensions, is_open_to, namespace_of, readable, similarity
from rag.adapters.pinecone_settling import PineconeSettling
from rag.adapters.pinecone_terms import SparseValues, question_terms
from rag.adapters.scores import bm25
from rag.errors import MalformedResponse
from rag.filters import Filter
from rag.models import Chunk, IndexedChunk, IndexEntry, Principal, ScoredChunk
from rag.ports import Credential
from rag.side_by_side import side_by_side
from rag.vectors import Vector


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
        self._settling = PineconeSettling(settle_seconds)
        self._dimensions = dimensions

    def dense(
        self, vectors: "Sequence[Vector[float]]", principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        """Return, per vector, at most `top_k` chunks that the principal may read and `where` admits, nearest first."""
        for vector in vectors:
            self._check_dimensions(vector)

        def nearest(vector: "Vector[float]") -> list[ScoredChunk]:
            found = self._query(principal, top_k, where, vector.tolist(), None)
            return best([ScoredChunk(_readable(match, principal), similarity(match.score)) for match in found], top_k)

        return side_by_side(nearest, vectors)

    def lexical(
        self, texts: Sequence[str], principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        """Return, per text, at most `top_k` such chunks that share a word with it, the highest BM25 first.

        An index with dense vectors refuses a sparse one alone; beside a dense one of zeros, the sparse one decides.
        """
        zeros = [0.0] * self._dimensions

        def worded(text: str) -> list[ScoredChunk]:
            terms = question_terms(text)
            if terms is None:
                return []
            found = self._query(principal, top_k, where, zeros, terms)
            scored = [ScoredChunk(_readable(match, principal), bm25(match.score)) for match in found]
            return best([passage for passage in scored if passage.score > 0], top_k)

        return side_by_side(worded, texts)

    def similarities(
        self, vector: "Vector[float]", principal: Principal, chunk_ids: Sequence[str]
    ) -> Mapping[str, float]:
        """Return the cosine similarity of those chunks that the principal may read; others are left out."""
        self._check_dimensions(vector)
        namespace = namespace_of(principal.tenant)

        def similar(ids: Sequence[str]) -> dict[str, float]:
            similarities = {}
            for record_id, record in self._reading.records(namespace, ids).vectors.items():
                if is_open_to(to_chunk(record_id, record.metadata), principal):
                    self._check_dimensions(record.values)
                    similarities[record_id] = similarity(sum(map(mul, vector, record.values)))
            return similarities

        found = side_by_side(similar, list(slices(list(dict.fromkeys(chunk_ids)), FETCHED_AT_ONCE)))
        return {chunk_id: score for part in found for chunk_id, score in part.items()}

    def upsert(self, tenant: str, chunks: Sequence[IndexedChunk]) -> None:
        """Store the chunks under their ids, in requests of at most 1,000 records and 2 MB.

        Raises:
            InvalidRequest: a chunk's fields exceed 40 KB. Nothing is written then, of any chunk.
        """
        namespace = namespace_of(tenant)
        for item in chunks:
            self._check_dimensions(item.vector)
        for batch in batches([to_record(item) for item in chunks]):
            self._upsert(namespace, batch)

    def delete(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Delete the chunks with these ids; unknown ids are passed over."""
        namespace = namespace_of(tenant)
        for ids in slices(chunk_ids, DELETED_AT_ONCE):

            def delete(index: Index, ids: Sequence[str] = ids) -> None:
                index.delete(ids=ids, namespace=namespace)

            self._connection.call_or(delete, absent=None)

    def entries(self, tenant: str, document_ids: Sequence[str]) -> Iterator[IndexEntry]:
        """Yield what the index holds of these documents, all versions.

        Pinecone has no narrower way to read metadata than whole records, vectors included: pages are small for that.
        """
        namespace = namespace_of(tenant)
        for ids in slices(document_ids, DOCUMENTS_AT_ONCE):
            for page in self._reading.of_documents(namespace, ids):
                yield from (to_entry(record_id, record.metadata) for record_id, record in page.vectors.items())

    def fetch(self, tenant: str, chunk_ids: Sequence[str]) -> Iterator[IndexedChunk]:
        """Yield the tenant's chunks with these ids, in any order.

        A chunk that was written a moment ago may be missing, or come as it was before: until `settle` has returned for
        its id in the store that wrote it, Pinecone promises neither.
        """
        namespace = namespace_of(tenant)
        for ids in slices(list(dict.fromkeys(chunk_ids)), FETCHED_AT_ONCE):
            for record_id, record in self._reading.records(namespace, ids).vectors.items():
                self._check_dimensions(record.values)
                yield IndexedChunk(to_chunk(record_id, record.metadata), array("f", record.values))

    def ids(self, tenant: str) -> Iterator[str]:
        """Yield the ids of all chunks of the tenant; what was written or deleted a moment ago may not show yet."""
        for page in self._reading.listed(namespace_of(tenant)):
            yield from (item.id for item in page.vectors if item.id)

    def settle(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Block until reads see the chunks as they were written last."""
        namespace = namespace_of(tenant)

        def read(ids: Sequence[str]) -> tuple[Collection[str], ResponseInfo | None]:
            response = self._reading.records(namespace, ids)
            return response.vectors, response.response_info

        self._settling.settle(namespace, chunk_ids, read)

    def close(self) -> None:
        """Close the connections that are open."""
        self._connection.close()

    def _query(
        self, principal: Principal, top_k: int, where: Filter | None, vector: list[float], terms: SparseValues | None
    ) -> list[ScoredVector]:
        namespace = namespace_of(principal.tenant)

        def query(index: Index) -> QueryResponse:
            found = index.query(
                top_k=top_k,
                vector=vector,
                sparse_vector=terms,
                namespace=namespace,
                filter=admitted(principal, where),
                include_metadata=True,
            )
            return answered(namespace, found)

        response = self._connection.call_or(query, absent=None)
        return [] if response is None else response.matches

    def _upsert(self, namespace: str, batch: list[Record]) -> None:
        response = self._connection.call(lambda index: index.upsert(vectors=batch, namespace=namespace))
        if response.upserted_count < len({record["id"] for record in batch}):
            raise MalformedResponse("Pinecone stored fewer records than it was sent.")
        self._settling.wrote(namespace, response.response_info)

    def _check_dimensions(self, vector: Sequence[float]) -> None:
        check_dimensions(len(vector), self._dimensions)


def _readable(match: ScoredVector, principal: Principal) -> Chunk:
    return readable(to_chunk(match.id, match.metadata), principal)
