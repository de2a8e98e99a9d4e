"""A stand-in for Pinecone: the operations of its API 2026-07 on one index, and its control plane's for indexes.

It speaks the wire protocol on a loopback socket, so the real client is what is tested. It keeps Pinecone's limits and
its eventual consistency, counted in reads rather than seconds: a write shows after `lag` reads of its namespace.
"""

import json
from array import array
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.fakes.faulty_http import FaultyServer, Request, Response
from tests.fakes.pinecone_control import IndexRegistry
from tests.fakes.pinecone_documents import DocumentIndex
from tests.fakes.pinecone_metadata import BadMetadata, check_filter, check_metadata, matches
from tests.fakes.pinecone_namespace import Namespace, StoredRecord
from tests.fakes.pinecone_wire import Json, Refused, json_object, page, parameter, refused, sparse_values

API_VERSION = "2026-07"
DEFAULT_NAMESPACE = "__default__"
REQUEST_BYTES = 2 * 1024 * 1024
RESULT_BYTES = 4 * 1024 * 1024
AT_ONCE = 1_000
TOP_K = 10_000


class PineconeServer(FaultyServer):
    """One vector index under dotproduct, or one document index, and a control plane that knows of any number."""

    def __init__(
        self,
        dimension: int,
        *,
        api_key: str = "stand-in-key",
        lag: int = 0,
        absent_differs: bool = True,
        takes_sparse: bool = True,
        documents: DocumentIndex | None = None,
    ) -> None:
        self.dimension = dimension
        self.takes_sparse = takes_sparse
        self.documents = documents
        self.api_keys = {api_key}
        self.absent_differs = absent_differs
        self.control = IndexRegistry()
        self._lag = lag
        self._namespaces: dict[str, Namespace[StoredRecord]] = {}
        super().__init__(self._answer)

    def put(self, namespace: str, record_id: str, values: Iterable[float], metadata: Json) -> None:
        """Store a record as some other program might have, visible at once."""
        self._namespace(namespace).visible[record_id] = StoredRecord(record_id, array("f", values), metadata)

    def _answer(self, request: Request) -> Response:
        try:
            return self._checked(request)
        except Refused as refusal:
            return refusal.response
        except BadMetadata as refusal:
            return refused(str(refusal)).response

    def _checked(self, request: Request) -> Response:
        if request.headers.get("api-key") not in self.api_keys:
            return Response(401, b"Invalid API Key", {"Content-Type": "text/plain"})
        if request.headers.get("x-pinecone-api-version") != API_VERSION:
            raise refused("unsupported API version")
        if len(request.body) > REQUEST_BYTES:
            raise refused(f"Request size exceeds the limit of {REQUEST_BYTES} bytes", 413, 11)
        if request.path.startswith("/indexes"):
            return self._control(request)
        if request.path.startswith("/namespaces/") and "/documents/" in request.path:
            if self.documents is None:
                raise refused("This operation needs an index with a document schema")
            return self.documents.answer(request)
        if self.documents is not None:
            raise refused("This operation is not supported on an index with a document schema")
        operations: dict[tuple[str, str], Callable[[Request], Response]] = {
            ("POST", "/vectors/upsert"): self._upsert,
            ("POST", "/query"): self._query,
            ("GET", "/vectors/fetch"): self._fetch,
            ("POST", "/vectors/fetch_by_metadata"): self._fetch_by_metadata,
            ("POST", "/vectors/delete"): self._delete,
            ("GET", "/vectors/list"): self._list,
            ("POST", "/describe_index_stats"): self._stats,
        }
        operation = operations.get((request.method, request.path))
        if operation is None:
            raise refused("Not Found", 404, 5)
        return operation(request)

    def _control(self, request: Request) -> Response:
        name = request.path.removeprefix("/indexes").removeprefix("/")
        match request.method, bool(name):
            case "POST", False:
                return self.control.create(request, self.url)
            case "GET", False:
                return self.control.list()
            case "GET", True:
                return self.control.describe(name)
            case "DELETE", True:
                return self.control.delete(name)
        raise refused("Not Found", 404, 5)

    def _upsert(self, request: Request) -> Response:
        body = json_object(request)
        vectors = body.get("vectors")
        if not isinstance(vectors, list) or not 1 <= len(vectors) <= AT_ONCE:
            raise refused(f"vectors must number 1 to {AT_ONCE}")
        records = [self._record(vector) for vector in vectors]
        lsn = self._namespace(body.get("namespace", "")).store(records)
        return Response.of_json({"upsertedCount": len(records)}, headers={"x-pinecone-request-lsn": str(lsn)})

    def _query(self, request: Request) -> Response:
        body = json_object(request)
        top_k, name, where = body.get("topK"), body.get("namespace", ""), body.get("filter", {})
        if not isinstance(top_k, int) or not 1 <= top_k <= TOP_K:
            raise refused(f"topK must be between 1 and {TOP_K}")
        sparse = self._sparse(body.get("sparseVector"))
        if sparse and body.get("vector") is None:
            raise refused("Cannot query index with dense 'vector_type' with only sparse vector")
        vector = self._values(body.get("vector"), zeros=bool(sparse))
        check_filter(where)
        records, headers = self._seen(name)
        scored = sorted(
            ((record.score(vector, sparse), record) for record in self._admitted(records, where)), key=_best_first
        )
        shown = {"values": bool(body.get("includeValues")), "metadata": bool(body.get("includeMetadata"))}
        found = [record.wire(**shown) | {"score": score} for score, record in scored[:top_k]]
        answer = {"matches": found, "namespace": name, "usage": {"readUnits": 1}}
        if len(json.dumps(answer).encode()) > RESULT_BYTES:
            raise refused("the result exceeds 4MB: choose a lower topK", code=11)
        return Response.of_json(answer, headers=headers)

    def _fetch(self, request: Request) -> Response:
        ids, name = request.query.get("ids", []), parameter(request, "namespace")
        if not 1 <= len(ids) <= AT_ONCE:
            raise refused(f"ids must number 1 to {AT_ONCE}")
        records, headers = self._seen(name)
        found = {record_id: records[record_id].wire() for record_id in ids if record_id in records}
        return Response.of_json({"vectors": found, "namespace": name, "usage": {"readUnits": 1}}, headers=headers)

    def _fetch_by_metadata(self, request: Request) -> Response:
        body = json_object(request)
        where, limit, name = body.get("filter"), body.get("limit", 100), body.get("namespace", "")
        if not where:
            raise refused("Empty filter provided for fetch by metadata request")
        check_filter(where)
        if not isinstance(limit, int) or not 1 <= limit <= TOP_K:
            raise refused(f"limit must be between 1 and {TOP_K}")
        records, headers = self._seen(name)
        found, following = page(self._admitted(records, where), limit, body.get("paginationToken", ""))
        vectors = {record.id: record.wire() for record in found}
        answer = {"vectors": vectors, "namespace": name, "usage": {"readUnits": 1}}
        return Response.of_json(answer | following, headers=headers)

    def _list(self, request: Request) -> Response:
        limit, name = int(parameter(request, "limit") or 100), parameter(request, "namespace")
        if not 1 <= limit <= 100:
            raise refused("limit must be between 1 and 100")
        records, headers = self._seen(name)
        prefix = parameter(request, "prefix")
        listed = [record for record in records.values() if record.id.startswith(prefix)]
        found, following = page(listed, limit, parameter(request, "paginationToken"))
        answer = {"vectors": [{"id": record.id} for record in found], "namespace": name, "usage": {"readUnits": 1}}
        return Response.of_json(answer | following, headers=headers)

    def _delete(self, request: Request) -> Response:
        body = json_object(request)
        ids, where, name = body.get("ids"), body.get("filter"), body.get("namespace", "")
        namespace = self._namespaces.get(name or DEFAULT_NAMESPACE)
        if namespace is None:
            raise refused("Namespace not found", 404, 5)
        if where is not None:  # the real one does not look at ids then
            if not where:
                raise refused("Delete with empty metadata filter is not allowed")
            check_filter(where)
            ids = [record.id for record in self._admitted(namespace.visible, where)]
        elif body.get("deleteAll"):
            ids = list(namespace.visible)
        elif not isinstance(ids, list) or not 1 <= len(ids) <= AT_ONCE:
            raise refused(f"ids must number 1 to {AT_ONCE}")
        return Response.of_json({}, headers={"x-pinecone-request-lsn": str(namespace.remove(ids))})

    def _stats(self, request: Request) -> Response:
        if json_object(request).get("filter"):
            raise refused("Serverless indexes do not support describing index stats with metadata filtering")
        counts = {name: len(namespace.read()[0]) for name, namespace in self._namespaces.items()}
        return Response.of_json(
            {
                "namespaces": {name: {"vectorCount": count} for name, count in counts.items()},
                "dimension": self.dimension,
                "indexFullness": 0,
                "totalVectorCount": sum(counts.values()),
                "metric": "dotproduct",
                "vectorType": "dense",
            }
        )

    def _namespace(self, name: str) -> Namespace[StoredRecord]:
        return self._namespaces.setdefault(name or DEFAULT_NAMESPACE, Namespace(self._lag))

    def _seen(self, name: str) -> tuple[Mapping[str, StoredRecord], dict[str, str]]:
        namespace = self._namespaces.get(name or DEFAULT_NAMESPACE)
        if namespace is None:
            return {}, {}
        records, indexed = namespace.read()
        return records, {"x-pinecone-max-indexed-lsn": str(indexed)}

    def _admitted(self, records: Mapping[str, StoredRecord], where: Any) -> list[StoredRecord]:
        admits = self.absent_differs
        return [record for record in records.values() if matches(record.metadata, where, absent_differs=admits)]

    def _record(self, vector: Any) -> StoredRecord:
        record_id = vector.get("id") if isinstance(vector, dict) else None
        if not isinstance(record_id, str) or not 1 <= len(record_id) <= 512 or not record_id.isascii():
            raise refused("Vector ID must be 1 to 512 ASCII characters")
        metadata = vector.get("metadata") or {}
        check_metadata(metadata)
        values, sparse = self._values(vector.get("values")), self._sparse(vector.get("sparseValues"))
        return StoredRecord(record_id, values, metadata, sparse)

    def _sparse(self, sparse: Any) -> dict[int, float]:
        if sparse is None:
            return {}
        if not self.takes_sparse:
            raise refused(
                "Index configuration does not support sparse values - only indexes that are sparse or using dotproduct "
                "are supported"
            )
        return sparse_values(sparse)

    def _values(self, values: Any, *, zeros: bool = False) -> "array[float]":
        if not isinstance(values, list) or not all(isinstance(number, int | float) for number in values):
            raise refused("values must be a list of numbers")
        if len(values) != self.dimension:
            raise refused(f"Vector dimension {len(values)} does not match the dimension of the index {self.dimension}")
        if not zeros and not any(values):
            raise refused("Dense vectors must contain at least one non-zero value")
        return array("f", values)


def _best_first(pair: tuple[float, StoredRecord]) -> tuple[float, str]:
    return -pair[0], pair[1].id
