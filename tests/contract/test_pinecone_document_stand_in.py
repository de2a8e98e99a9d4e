"""The stand-in's document index, held against the conformance suite that Pinecone's client publishes for API 2026-07.

The claims are those of test_pinecone_stand_in: method and path, the version on the wire, and a response that the
client's own envelope takes without loss.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import msgspec
import pytest
from pinecone import ApiError, NotFoundError
from pinecone._internal.adapters.documents_adapter import (
    _FetchDocumentsEnvelope,
    _ListDocumentsEnvelope,
    _SearchDocumentsEnvelope,
)
from pinecone.index import Index
from pinecone.models.documents.responses import DeleteDocumentsResponse, UpsertDocumentsResponse

from tests.fakes.pinecone_documents import DocumentIndex
from tests.fakes.pinecone_server import PineconeServer

KEY = "stand-in-key"
NAMESPACE = "conformance/ns"
PATH = f"/namespaces/{NAMESPACE.replace('/', '%2F')}/documents/"
TEXT = {"type": "text", "query": "learning machines", "fields": ["passage"]}
DENSE = {"type": "dense_vector", "field": "embedding", "values": [1.0, 0.0]}

CALLS: dict[str, tuple[Callable[[Index], object], Any]] = {
    "upsert": (
        lambda index: index.documents.upsert(namespace=NAMESPACE, documents=[{"_id": "new", "embedding": [0.5, 0.5]}]),
        UpsertDocumentsResponse,
    ),
    "search": (
        lambda index: index.documents.search(namespace=NAMESPACE, score_by=[TEXT], top_k=2, include_fields=["kind"]),
        _SearchDocumentsEnvelope,
    ),
    "fetch": (
        lambda index: index.documents.fetch(namespace=NAMESPACE, filter={"kind": {"$eq": "a"}}, limit=1),
        _FetchDocumentsEnvelope,
    ),
    "list": (lambda index: index.documents.list(namespace=NAMESPACE, limit=1).to_list(), _ListDocumentsEnvelope),
    "delete": (lambda index: index.documents.delete(namespace=NAMESPACE, ids=["one"]), DeleteDocumentsResponse),
}


@pytest.fixture
def server() -> Iterator[PineconeServer]:
    documents = DocumentIndex(2)
    with PineconeServer(2, documents=documents) as server:
        for name, vector, text in (("one", [0.6, 0.8], "Machine learning."), ("two", [0.8, 0.6], "Learning to sail.")):
            documents.put(NAMESPACE, name, {"embedding": vector, "passage": text, "kind": "a", "tags": ["x", "y"]})
        yield server


@pytest.fixture
def index(server: PineconeServer) -> Iterator[Index]:
    with Index(host=server.url, api_key=KEY) as index:
        yield index


@pytest.mark.parametrize("operation", CALLS)
def test_an_operation_is_answered_as_the_conformance_suite_claims(
    server: PineconeServer, index: Index, operation: str
) -> None:
    call, envelope = CALLS[operation]

    call(index)

    request, response = server.requests[-1], server.responses[-1]
    assert (request.method, request.path) == ("POST", PATH + operation)
    assert request.headers["x-pinecone-api-version"] == "2026-07"
    assert json.loads(response.body).keys() <= set(envelope.__struct_fields__)
    msgspec.json.decode(response.body, type=envelope)


def test_what_the_project_does_not_call_is_not_answered(index: Index) -> None:
    with pytest.raises(NotFoundError):
        index.documents.update(namespace=NAMESPACE, documents=[{"_id": "one", "kind": "b"}])


@pytest.mark.parametrize("include", [None, []])
def test_a_search_shows_ids_and_scores_unless_asked_for_more_and_a_fetch_all(
    index: Index, include: list[str] | None
) -> None:
    found = index.documents.search(namespace=NAMESPACE, score_by=[DENSE], top_k=1, include_fields=include)
    fetched = index.documents.fetch(namespace=NAMESPACE, ids=["one"], include_fields=include)

    assert found.matches[0].to_dict().keys() == {"_id", "_score"}
    assert fetched.documents["one"].to_dict().keys() == {"_id", "embedding", "passage", "kind", "tags"}


def test_a_search_by_words_finds_word_forms_and_scores_the_rarer_word_higher(index: Index) -> None:
    found = index.documents.search(namespace=NAMESPACE, score_by=[TEXT], top_k=5)

    assert [match.id for match in found.matches] == ["one", "two"]
    assert found.matches[0].score > found.matches[1].score > 0  # type: ignore[operator]


def test_a_document_shows_before_its_text_is_indexed() -> None:
    with (
        PineconeServer(2, documents=DocumentIndex(2, text_lag=2)) as server,
        Index(host=server.url, api_key=KEY) as index,
    ):
        index.documents.upsert(
            namespace="a", documents=[{"_id": "new", "embedding": [1, 0], "passage": "machine learning"}]
        )

        fetched = index.documents.fetch(namespace="a", ids=["new"])
        searches = [index.documents.search(namespace="a", score_by=[TEXT], top_k=1).matches for _ in range(2)]

    assert set(fetched.documents) == {"new"}
    assert [len(matches) for matches in searches] == [0, 1]


def _search(**fields: Any) -> dict[str, Any]:
    return {"top_k": 1, "score_by": [DENSE], **fields}


def _upsert(**fields: Any) -> dict[str, Any]:
    return {"documents": [{"_id": "a", "embedding": [1, 0], **fields}]}


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("upsert", {"documents": []}),
        ("upsert", {"documents": [{"_id": str(number), "embedding": [1, 0]} for number in range(1_001)]}),
        ("upsert", {"documents": [{"_id": "a", "embedding": [1, 0]}] * 2}),
        ("upsert", _upsert(_id="ü")),
        ("upsert", _upsert(embedding=[1])),
        ("upsert", _upsert(embedding=[0, 0])),
        ("upsert", _upsert(embedding=None)),
        ("upsert", _upsert(passage="x" * 100_001)),
        ("upsert", _upsert(passage="word " * 10_001)),
        ("upsert", _upsert(note="x" * 41_000)),
        ("upsert", _upsert(note=None)),
        ("upsert", _upsert(note={"nested": 1})),
        ("upsert", _upsert(_note="x")),
        ("upsert", _upsert(**{"x" * 65: 1})),
        ("search", _search(top_k=0)),
        ("search", _search(top_k=10_001)),
        ("search", _search(score_by=[DENSE, TEXT])),
        ("search", _search(score_by=[{**DENSE, "field": "passage"}])),
        ("search", _search(score_by=[{**TEXT, "fields": ["kind"]}])),
        ("search", _search(score_by=[{**TEXT, "query": " "}])),
        ("search", _search(filter={})),
        ("search", _search(filter={"kind": "a"})),
        ("search", _search(filter={"passage": {"$eq": "a"}})),
        ("search", _search(filter={"kind": {"$in": [1]}})),
        ("search", _search(filter={"kind": {"$ne": True}})),
        ("search", _search(filter={"kind": {"$gt": "a"}})),
        ("search", _search(filter={"kind": {"$like": "a"}})),
        ("search", _search(filter={"$or": []})),
        ("fetch", {}),
        ("fetch", {"ids": ["a"], "filter": {"kind": {"$eq": "a"}}}),
        ("fetch", {"ids": [str(number) for number in range(1_001)]}),
        ("list", {"limit": 101}),
        ("delete", {"filter": {"kind": {"$eq": "a"}}}),
    ],
)
def test_what_pinecone_refuses_is_refused(server: PineconeServer, operation: str, body: object) -> None:
    headers = {"Api-Key": KEY, "X-Pinecone-Api-Version": "2026-07"}

    assert httpx.post(server.url + PATH + operation, json=body, headers=headers).status_code == 400


def test_a_result_of_more_than_four_megabytes_is_refused(server: PineconeServer, index: Index) -> None:
    assert server.documents is not None
    for number in range(45):
        server.documents.put("heavy", str(number), {"embedding": [1, 0], "passage": "x" * 100_000})

    with pytest.raises(ApiError, match="4MB"):
        index.documents.search(namespace="heavy", score_by=[DENSE], top_k=45, include_fields=["passage"])
    assert len(index.documents.search(namespace="heavy", score_by=[DENSE], top_k=45).matches) == 45


def test_neither_kind_of_index_takes_the_others_calls(index: Index) -> None:
    with pytest.raises(ApiError, match="schema"):
        index.query(top_k=1, vector=[1, 0], namespace=NAMESPACE)
    with (
        PineconeServer(2) as server,
        Index(host=server.url, api_key=KEY) as vectors,
        pytest.raises(ApiError, match="schema"),
    ):
        CALLS["search"][0](vectors)
