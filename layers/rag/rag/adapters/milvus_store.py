"""Milvus adapter for the PassageSearch and ChunkIndex ports: Milvus Lite, a cluster or Zilliz Cloud."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, TypeVar

from pymilvus import MilvusClient

from rag.adapters.milvus_connection import MilvusConnection
from rag.adapters.milvus_errors import VENDOR_ERRORS, translated
from rag.adapters.milvus_filters import all_of, among, chunks_of, documents_of, visible
from rag.adapters.milvus_rows import OUTPUT_FIELDS, batches, indexed_chunk, ranked, row
from rag.adapters.milvus_schema import verify
from rag.adapters.scores import bm25, cosine
from rag.errors import IndexUnavailable, MalformedResponse, UpstreamRejected, UpstreamThrottled, UpstreamUnavailable
from rag.filters import Filter
from rag.models import IndexedChunk, IndexEntry, Principal, ScoredChunk
from rag.ports import Credential
from rag.vectors import Vector
from rag.words import asked_words

T = TypeVar("T")

_IDS_PER_REQUEST: Final = 1_000
_ROWS_PER_REQUEST: Final = 100  # a row has 160 KB at most, a message as it comes from a proxy 64 MB or more
_DOCUMENTS_PER_REQUEST: Final = 500
_PAGE: Final = 1_000
# Of a hundred questions, 250 hits each. At 2 to 3 KB a hit that is 75 MB; a proxy answers with 100 MB at most.
_HITS_PER_REQUEST: Final = 25_000


class MilvusStore:
    """One collection, shared by all tenants; the partition key and the filter of every request keep them apart."""

    def __init__(
        self, credential: Credential | None, uri: str, collection: str, dimensions: int, deadline_seconds: float
    ) -> None:
        self._collection = collection
        self._dimensions = dimensions
        self._verified = False
        self._connection = MilvusConnection(credential, uri, collection, deadline_seconds)

    def dense(
        self, vectors: "Sequence[Vector[float]]", principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        """Return, per vector, at most `top_k` chunks that the principal may read and `where` admits, nearest first."""
        self._check(*vectors)
        found = self._search("vector", [vector.tolist() for vector in vectors], visible(principal, where), top_k)
        return [ranked(hits, cosine) for hits in found]

    def lexical(
        self, texts: Sequence[str], principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        """Return, per text, at most `top_k` such chunks that share a word with it, the highest BM25 first.

        A text without words finds nothing; some versions of Milvus fail when asked for an empty one.

        Raises:
            IndexUnavailable: the collection holds the words of another version.
        """
        searched = [" ".join(asked_words(text)) for text in texts]
        asked = [words for words in dict.fromkeys(searched) if words]
        hits = self._search("search_terms", asked, visible(principal, where), top_k)
        found = {words: ranked(of_words, bm25) for words, of_words in zip(asked, hits, strict=True)}
        return [[scored for scored in found.get(words, []) if scored.score > 0] for words in searched]

    def similarities(
        self, vector: "Vector[float]", principal: Principal, chunk_ids: Sequence[str]
    ) -> Mapping[str, float]:
        """Return the cosine similarity of those chunks that the principal may read; others are left out.

        They are exact on a graph index too: asked for all that a filter admits, Milvus compares one by one.
        """
        self._check(vector)
        scores: dict[str, float] = {}
        for ids in _slices(list(dict.fromkeys(chunk_ids)), _IDS_PER_REQUEST):
            expression = f"{visible(principal)} and {among(ids)}"
            [hits] = self._search("vector", [vector.tolist()], expression, len(ids), ["id"])
            scores.update({hit["id"]: cosine(hit["distance"]) for hit in hits})
        return scores

    def upsert(self, tenant: str, chunks: Sequence[IndexedChunk]) -> None:
        """Store the chunks under their ids, in as many requests as the limits ask for.

        Raises:
            InvalidRequest: a chunk exceeds a limit of the schema; then none is written.
        """
        rows = {indexed.chunk.chunk_id: row(tenant, indexed, self._dimensions) for indexed in chunks}
        for batch in batches(list(rows.values())):
            self._request("upsert", data=batch)

    def delete(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Delete the tenant's chunks with these ids; unknown ids are passed over."""
        for ids in _slices(chunk_ids, _IDS_PER_REQUEST):
            self._request("delete", filter=chunks_of(tenant, ids))

    def entries(self, tenant: str, document_ids: Sequence[str]) -> Iterator[IndexEntry]:
        """Yield what the index holds of these documents, all versions."""
        for ids in _slices(document_ids, _DOCUMENTS_PER_REQUEST):
            for found in self._pages(documents_of(tenant, ids), ["id", "document_id", "version"]):
                yield IndexEntry(found["id"], found["document_id"], found["version"])

    def fetch(self, tenant: str, chunk_ids: Sequence[str]) -> Iterator[IndexedChunk]:
        """Yield the tenant's chunks with these ids, in any order, as they were written last."""
        for ids in _slices(list(dict.fromkeys(chunk_ids)), _ROWS_PER_REQUEST):
            found = self._request(
                "query",
                filter=chunks_of(tenant, ids),
                output_fields=[*OUTPUT_FIELDS, "vector"],
                consistency_level="Strong",
            )
            yield from map(indexed_chunk, found)

    def ids(self, tenant: str) -> Iterator[str]:
        """Yield the ids of all chunks of the tenant."""
        for found in self._pages(all_of(tenant), ["id"]):
            yield found["id"]

    def settle(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Block until the chunks, written before, are visible to searches at full speed.

        Raises:
            UpstreamUnavailable: they did not become visible in time.
        """
        with suppress(UpstreamThrottled):  # a cluster limits flushes, but is as fast without
            self._request("flush")
        for ids in _slices(chunk_ids, _IDS_PER_REQUEST):
            if self._visible_count(tenant, ids) < len(set(ids)):
                raise UpstreamUnavailable("Milvus does not show all chunks yet that were written to it.")

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _search(
        self, field: str, queries: Sequence[object], expression: str, limit: int, fields: Sequence[str] = OUTPUT_FIELDS
    ) -> list[Any]:
        """Return the hits of each query, of all in one request unless they could be more than an answer should hold."""
        found: list[Any] = []
        for some in _slices(queries, max(1, _HITS_PER_REQUEST // limit)):
            found += self._request(
                "search",
                verified=field == "search_terms",
                data=list(some),
                anns_field=field,
                filter=expression,
                limit=limit,
                output_fields=list(fields),
            )
        if len(found) != len(queries):
            raise MalformedResponse("Milvus answered another number of queries than it was asked.")
        return found

    def _check(self, *vectors: "Vector[float]") -> None:
        if any(len(vector) != self._dimensions for vector in vectors):
            raise IndexUnavailable(f"The Milvus collection holds vectors of {self._dimensions} dimensions.")

    def _pages(self, expression: str, fields: Sequence[str]) -> Iterator[Any]:
        """Yield the rows that the expression admits, as they are at the first page, writes just before included."""
        pages = self._request(
            "query_iterator",
            batch_size=_PAGE,
            filter=expression,
            output_fields=list(fields),
            consistency_level="Strong",
        )
        while page := self._connection.run(lambda _: pages.next()):
            yield from page

    def _visible_count(self, tenant: str, chunk_ids: Sequence[str]) -> int:
        """Count chunks with strong consistency: once it has answered, weaker reads of any client see them as well."""
        [counted] = self._request(
            "query", filter=chunks_of(tenant, chunk_ids), output_fields=["count(*)"], consistency_level="Strong"
        )
        return int(counted["count(*)"])

    def _request(self, method: str, *, verified: bool = False, **arguments: Any) -> Any:
        """Call a method of the client on the collection; Step Functions retries, pymilvus does not.

        `verified` looks first, once, whether the collection is as this version makes it: what holds other words would
        answer, and badly.
        """

        def request(client: MilvusClient) -> Any:
            if verified and not self._verified:
                verify(client, self._collection, self._dimensions)
                self._verified = True
            try:
                return getattr(client, method)(self._collection, retry_times=0, **arguments)
            except VENDOR_ERRORS as error:
                if isinstance(translated(error), UpstreamRejected):
                    # Milvus tells other dimensions or fields in prose only, so look whether that is why.
                    verify(client, self._collection, self._dimensions)
                raise

        return self._connection.run(request)


def _slices(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
