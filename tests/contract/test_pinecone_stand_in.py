"""The Pinecone stand-in, held against the conformance suite that the client's repository publishes for API 2026-07.

That suite (pinecone-io/python-sdk, tests/unit/conformance) claims each operation of the API in three parts: method and
path, the version on the wire, and a response that its model decodes and encodes again without loss. Here the same is
claimed of the stand-in through the real client, for the operations that it answers; the others are named.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest
from pinecone import ApiError, NotFoundError, Pinecone
from pinecone.index import Index
from pinecone.models.indexes.index import IndexModel
from pinecone.models.vectors.responses import (
    DescribeIndexStatsResponse,
    FetchByMetadataResponse,
    FetchResponse,
    ListResponse,
    QueryResponse,
    UpsertResponse,
)

from tests.fakes.pinecone_server import PineconeServer

NAMESPACE = "conformance"
KEY = "stand-in-key"
DENSE_FIELD = {"fields": {"_values": {"type": "dense_vector", "dimension": 2, "metric": "dotproduct"}}}
Json = dict[str, Any]


@dataclass(frozen=True)
class Claim:
    """An operation: how the client calls it, what must be on the wire, and what its answer decodes to."""

    operation: str
    call: Callable[[Index, Pinecone], object]
    method: str
    path: str
    model: Any = None  # None: an answer without a body of its own


CLAIMS = [
    Claim(
        "db_data:upsertVectors",
        lambda index, _: index.upsert(vectors=[{"id": "new", "values": [0.5, 0.5]}], namespace=NAMESPACE),
        "POST", "/vectors/upsert", UpsertResponse,
    ),
    Claim(
        "db_data:queryVectors",
        lambda index, _: index.query(
            top_k=1, vector=[1, 0], namespace=NAMESPACE, include_metadata=True, include_values=True
        ),
        "POST", "/query", QueryResponse,
    ),
    Claim(
        "db_data:fetchVectors",
        lambda index, _: index.fetch(ids=["vec-1", "absent"], namespace=NAMESPACE),
        "GET", "/vectors/fetch", FetchResponse,
    ),
    Claim(
        "db_data:fetch_vectors_by_metadata",
        lambda index, _: index.fetch_by_metadata(filter={"year": {"$gt": 0}}, namespace=NAMESPACE, limit=1),
        "POST", "/vectors/fetch_by_metadata", FetchByMetadataResponse,
    ),
    Claim(
        "db_data:listVectors",
        lambda index, _: index.list_paginated(namespace=NAMESPACE, limit=1),
        "GET", "/vectors/list", ListResponse,
    ),
    Claim(
        "db_data:deleteVectors",
        lambda index, _: index.delete(ids=["vec-1"], namespace=NAMESPACE),
        "POST", "/vectors/delete",
    ),
    Claim(
        "db_data:describeIndexStats",
        lambda index, _: index.describe_index_stats(),
        "POST", "/describe_index_stats", DescribeIndexStatsResponse,
    ),
    Claim(
        "db_control:create_index",
        lambda _, pc: pc.indexes.create(name="another", schema=DENSE_FIELD, tags={"env": "test"}, timeout=-1),
        "POST", "/indexes", IndexModel,
    ),
    Claim("db_control:list_indexes", lambda _, pc: list(pc.indexes.list()), "GET", "/indexes"),
    Claim("db_control:describe_index", lambda _, pc: pc.indexes.describe("first"), "GET", "/indexes/first", IndexModel),
    Claim("db_control:delete_index", lambda _, pc: pc.indexes.delete("first", timeout=-1), "DELETE", "/indexes/first"),
]  # fmt: skip

# Operations of the suite that no part of this project calls: the stand-in knows no such address.
UNANSWERED: dict[str, Callable[[Index, Pinecone], object]] = {
    "db_data:updateVector": lambda index, _: index.update(id="vec-1", values=[1, 0], namespace=NAMESPACE),
    "db_data:upsertRecordsNamespace": lambda index, _: index.upsert_records(
        records=[{"_id": "r", "chunk_text": "t"}], namespace=NAMESPACE
    ),
    "db_data:searchRecordsNamespace": lambda index, _: index.search(
        namespace=NAMESPACE, top_k=1, inputs={"text": "hello"}
    ),
    "db_data:createNamespace": lambda index, _: index.create_namespace(name="new"),
    "db_data:describeNamespace": lambda index, _: index.describe_namespace(name=NAMESPACE),
    "db_data:listNamespacesOperation": lambda index, _: index.list_namespaces_paginated(),
    "db_data:deleteNamespace": lambda index, _: index.delete_namespace(name=NAMESPACE),
    "db_data:startBulkImport": lambda index, _: index.start_import("s3://bucket/prefix"),
    "db_data:describeBulkImport": lambda index, _: index.describe_import("101"),
    "db_data:listBulkImports": lambda index, _: index.list_imports_paginated(),
    "db_data:cancelBulkImport": lambda index, _: index.cancel_import("101"),
    "db_control:create_index_for_model": lambda _, pc: pc.indexes.create_for_model(
        name="m", cloud="aws", region="us-east-1", embed={"model": "m", "field_map": {"text": "t"}}, timeout=-1
    ),
    "db_control:configure_index": lambda _, pc: pc.indexes.configure("first", deletion_protection="enabled"),
}


@pytest.fixture
def server() -> Iterator[PineconeServer]:
    with PineconeServer(2) as server:
        server.put(NAMESPACE, "vec-1", [0.6, 0.8], {"genre": "documentary", "year": 2026, "tags": ["a", "b"]})
        server.put(NAMESPACE, "vec-2", [0.8, 0.6], {"genre": "drama", "year": 2025, "seen": True})
        yield server


@pytest.fixture
def index(server: PineconeServer) -> Iterator[Index]:
    with Index(host=server.url, api_key=KEY) as index:
        yield index


@pytest.fixture
def pc(server: PineconeServer) -> Iterator[Pinecone]:
    pc = Pinecone(api_key=KEY, host=server.url)
    pc.indexes.create(name="first", schema=DENSE_FIELD, timeout=-1)
    server.requests.clear()
    server.responses.clear()
    yield pc
    pc.close()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.operation)
def test_an_operation_is_answered_as_the_conformance_suite_claims(
    server: PineconeServer, index: Index, pc: Pinecone, claim: Claim
) -> None:
    returned = claim.call(index, pc)

    request, response = server.requests[-1], server.responses[-1]
    assert (request.method, request.path) == (claim.method, claim.path)
    assert request.headers["x-pinecone-api-version"] == "2026-07"
    if claim.model is None:
        assert returned is None or isinstance(returned, list)
    else:
        decoded = msgspec.json.decode(response.body, type=claim.model)
        assert _holds(msgspec.json.decode(msgspec.json.encode(decoded)), json.loads(response.body))


@pytest.mark.parametrize("operation", UNANSWERED)
def test_what_the_project_does_not_call_is_not_answered(
    server: PineconeServer, index: Index, pc: Pinecone, operation: str
) -> None:
    with pytest.raises(NotFoundError):
        UNANSWERED[operation](index, pc)


def _holds(encoded: Any, payload: Any) -> bool:
    """Tell whether nothing of the payload was lost; models add defaults, and a scheme to a bare host."""
    if isinstance(payload, dict):
        return all(name in encoded and _holds(encoded[name], value) for name, value in payload.items())
    if isinstance(payload, list):
        return len(encoded) == len(payload) and all(map(_holds, encoded, payload))
    return bool(encoded == payload)


@pytest.fixture
def post(server: PineconeServer) -> Callable[[str, object], httpx.Response]:
    """Post what the client would not let through."""

    def post(path: str, body: object) -> httpx.Response:
        headers = {"Api-Key": KEY, "X-Pinecone-Api-Version": "2026-07"}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(server.url + path, content=content, headers=headers)

    return post


def _vector(**fields: Any) -> Json:
    return {"vectors": [{"id": "a", "values": [1, 0], **fields}]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/vectors/upsert", b"not json"),
        ("/vectors/upsert", []),
        ("/vectors/upsert", {"vectors": []}),
        ("/vectors/upsert", {"vectors": [{"id": str(number), "values": [1, 0]} for number in range(1_001)]}),
        ("/vectors/upsert", _vector(id="")),
        ("/vectors/upsert", _vector(id="ü")),
        ("/vectors/upsert", _vector(id="x" * 513)),
        ("/vectors/upsert", _vector(values=[1, 0, 0])),
        ("/vectors/upsert", _vector(values=[0, 0])),
        ("/vectors/upsert", _vector(values=[1, None])),
        ("/vectors/upsert", _vector(metadata={"x": None})),
        ("/vectors/upsert", _vector(metadata={"x": {"nested": 1}})),
        ("/vectors/upsert", _vector(metadata={"x": ["a", 1]})),
        ("/vectors/upsert", _vector(metadata={"$x": 1})),
        ("/vectors/upsert", _vector(metadata={"x": "y" * 41_000})),
        ("/vectors/upsert", _vector(sparseValues={"indices": [1], "values": []})),
        ("/vectors/upsert", _vector(sparseValues={"indices": [1, 1], "values": [1, 1]})),
        ("/vectors/upsert", _vector(sparseValues={"indices": [2**32], "values": [1]})),
        ("/vectors/upsert", _vector(sparseValues={"indices": [1], "values": [0]})),
        ("/vectors/upsert", _vector(sparseValues={"indices": list(range(1_001)), "values": [1] * 1_001})),
        ("/query", {"topK": 1, "sparseVector": {"indices": [1], "values": [1]}}),
        ("/query", {"topK": 1, "vector": [0, 0]}),
        ("/query", {"topK": 0, "vector": [1, 0]}),
        ("/query", {"topK": 10_001, "vector": [1, 0]}),
        ("/query", {"topK": 1, "vector": [1]}),
        ("/query", {"topK": 1, "vector": [1, 0], "filter": {"x": {"$regex": "a"}}}),
        ("/query", {"topK": 1, "vector": [1, 0], "filter": {"x": {"$gt": "a"}}}),
        ("/query", {"topK": 1, "vector": [1, 0], "filter": {"x": {"$in": [True]}}}),
        ("/query", {"topK": 1, "vector": [1, 0], "filter": {"x": {"$exists": 1}}}),
        ("/query", {"topK": 1, "vector": [1, 0], "filter": {"x": None}}),
        ("/query", {"topK": 1, "vector": [1, 0], "filter": {"$or": []}}),
        ("/query", {"topK": 1, "vector": [1, 0], "filter": {"$not": {"x": 1}}}),
        ("/vectors/fetch_by_metadata", {"filter": {}}),
        ("/vectors/fetch_by_metadata", {"filter": {"x": 1}, "limit": 10_001}),
        ("/vectors/delete", {"namespace": NAMESPACE}),
        ("/vectors/delete", {"namespace": NAMESPACE, "filter": {}}),
        ("/vectors/delete", {"namespace": NAMESPACE, "ids": [str(number) for number in range(1_001)]}),
        ("/describe_index_stats", {"filter": {"x": 1}}),
        ("/indexes", {"name": "Upper_Case", "schema": DENSE_FIELD}),
        ("/indexes", {"name": "x" * 46, "schema": DENSE_FIELD}),
        ("/indexes", {"name": "no-fields", "schema": {"fields": {}}}),
    ],
)
def test_what_pinecone_refuses_is_refused(
    post: Callable[[str, object], httpx.Response], path: str, body: object
) -> None:
    assert post(path, body).status_code == 400


def test_a_request_of_more_than_two_megabytes_is_refused(post: Callable[[str, object], httpx.Response]) -> None:
    assert post("/vectors/upsert", _vector(padding="x" * (2 * 1024 * 1024))).status_code == 413


def test_a_result_of_more_than_four_megabytes_is_refused(
    server: PineconeServer, post: Callable[[str, object], httpx.Response]
) -> None:
    for number in range(120):
        server.put("heavy", str(number), [1, 0], {"text": "x" * 40_000})

    asked = {"topK": 120, "vector": [1, 0], "namespace": "heavy"}
    assert post("/query", {**asked, "includeMetadata": True}).status_code == 400
    assert post("/query", asked).status_code == 200


def test_deleting_from_a_namespace_that_does_not_exist_is_not_found(
    post: Callable[[str, object], httpx.Response],
) -> None:
    assert post("/vectors/delete", {"namespace": "nobody", "ids": ["a"]}).status_code == 404


@pytest.mark.parametrize("headers", [{}, {"Api-Key": "wrong"}])
def test_a_request_without_the_key_is_refused(server: PineconeServer, headers: dict[str, str]) -> None:
    assert httpx.get(f"{server.url}/vectors/list", headers=headers).status_code == 401


def test_another_version_of_the_api_is_refused(server: PineconeServer) -> None:
    headers = {"Api-Key": KEY, "X-Pinecone-Api-Version": "2024-07"}
    assert httpx.get(f"{server.url}/vectors/list", headers=headers).status_code == 400


def test_a_write_shows_after_the_given_number_of_reads() -> None:
    with PineconeServer(2, lag=2) as server, Index(host=server.url, api_key=KEY) as index:
        written = index.upsert(vectors=[{"id": "late", "values": [1, 0]}], namespace=NAMESPACE)

        reads = [index.query(top_k=1, vector=[1, 0], namespace=NAMESPACE) for _ in range(3)]

        assert [len(read.matches) for read in reads] == [0, 0, 1]
        assert written.response_info is not None
        assert written.response_info.lsn_committed is not None
        fresh = [
            read.response_info is not None and read.response_info.is_reconciled(written.response_info.lsn_committed)
            for read in reads
        ]
        assert fresh == [False, False, True]


def test_sparse_values_beside_zeros_score_alone_and_beside_a_vector_add_up(index: Index) -> None:
    sparse = {"indices": [7, 9], "values": [2.0, 1.0]}
    index.upsert(vectors=[{"id": "words", "values": [0.6, 0.8], "sparse_values": sparse}], namespace=NAMESPACE)

    alone = index.query(top_k=1, vector=[0, 0], sparse_vector={"indices": [7], "values": [3]}, namespace=NAMESPACE)
    both = index.query(top_k=1, vector=[1, 0], sparse_vector={"indices": [7], "values": [3]}, namespace=NAMESPACE)

    assert alone.matches[0].id == "words"
    assert alone.matches[0].score == pytest.approx(6.0)
    assert both.matches[0].score == pytest.approx(6.6)
    assert index.fetch(ids=["words"], namespace=NAMESPACE).vectors["words"].sparse_values is not None


def test_an_index_without_sparse_values_refuses_them() -> None:
    with PineconeServer(2, takes_sparse=False) as server, Index(host=server.url, api_key=KEY) as index:
        sparse = {"indices": [1], "values": [1.0]}
        with pytest.raises(ApiError, match="does not support sparse values"):
            index.upsert(vectors=[{"id": "a", "values": [1, 0], "sparse_values": sparse}])
        with pytest.raises(ApiError, match="does not support sparse values"):
            index.query(top_k=1, vector=[0, 0], sparse_vector=sparse)


def test_components_are_kept_as_32_bit_floats(index: Index) -> None:
    index.upsert(vectors=[{"id": "third", "values": [1 / 3, 0.1]}], namespace=NAMESPACE)

    values = index.fetch(ids=["third"], namespace=NAMESPACE).vectors["third"].values

    assert values == pytest.approx([1 / 3, 0.1], abs=1e-7)
    assert values != [1 / 3, 0.1]


def test_listing_walks_the_pages_in_order(server: PineconeServer, index: Index) -> None:
    for number in range(250):
        server.put("many", f"id-{number:03}", [1, 0], {"n": number})

    listed = [item.id for page in index.list(prefix="id-", namespace="many") for item in page.vectors]

    assert listed == [f"id-{number:03}" for number in range(250)]
