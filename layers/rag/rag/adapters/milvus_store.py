"""Milvus adapter for the PassageSearch and ChunkIndex ports: Milvus Lite, a cluster or Zilliz Cloud."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from pymilvus import MilvusClient

from rag.adapters.milvus_connection import MilvusConnection
from rag.adapters.milvus_errors import VENDOR_ERRORS, translated
from rag.adapters.milvus_filters import all_of, chunks_of, documents_of, visible
from rag.adapters.milvus_rows import OUTPUT_FIELDS, batches, chunk, indexed_chunk, row
from rag.adapters.milvus_schema import verify
from rag.adapters.scores import cosine
from rag.errors import IndexUnavailable, UpstreamRejected, UpstreamThrottled, UpstreamUnavailable
from rag.filters import Filter
from rag.models import IndexedChunk, IndexEntry, Principal, ScoredChunk
from rag.ports import Credential
from rag.vectors import Vector

_IDS_PER_REQUEST: Final = 1_000
_ROWS_PER_REQUEST: Final = 100  # a row has 160 KB at most, a message as it comes from a proxy 64 MB or more
_DOCUMENTS_PER_REQUEST: Final = 500
_PAGE: Final = 1_000


class MilvusStore:
    """One collection, shared by all tenants; the partition key and the filter of every request keep them apart."""

    def __init__(
        self, credential: Credential | None, uri: str, collection: str, dimensions: int, deadline_seconds: float
    ) -> None:
        self._collection = collection
        self._dimensions = dimensions
        self._connection = MilvusConnection(credential, uri, collection, deadline_seconds)

    def search(
        self, vector: "Vector[float]", principal: Principal, top_k: int, where: Filter | None
    ) -> list[ScoredChunk]:
        """Return at most `top_k` chunks that the principal may read and `where` admits, best first."""
        if len(vector) != self._dimensions:
            raise IndexUnavailable(f"The Milvus collection holds vectors of {self._dimensions} dimensions.")
        [hits] = self._request(
            "search",
            data=[vector.tolist()],
            anns_field="vector",
            filter=visible(principal, where),
            limit=top_k,
            output_fields=list(OUTPUT_FIELDS),
        )
        return [ScoredChunk(chunk({**hit["entity"], "id": hit["id"]}), cosine(hit["distance"])) for hit in hits]

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

    def _request(self, method: str, **arguments: Any) -> Any:
        """Call a method of the client on the collection; Step Functions retries, pymilvus does not."""

        def request(client: MilvusClient) -> Any:
            try:
                return getattr(client, method)(self._collection, retry_times=0, **arguments)
            except VENDOR_ERRORS as error:
                if isinstance(translated(error), UpstreamRejected):
                    # Milvus tells other dimensions or fields in prose only, so look whether that is why.
                    verify(client, self._collection, self._dimensions)
                raise

        return self._connection.run(request)


def _slices(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
