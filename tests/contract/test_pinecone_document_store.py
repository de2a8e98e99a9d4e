"""The Pinecone adapter for document indexes beyond the common contract: faults, limits, odd documents, delays."""

import json
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from rag import errors
from rag.adapters.pinecone_document_store import PineconeDocumentStore
from rag.filters import parse_filter
from rag.models import IndexedChunk, Principal
from tests.contract.pinecone_faults import FAULTS, LATE, SECRET_WORDS
from tests.contract.vector_stores import DIMENSIONS, NORTH, Tenant, direction
from tests.fakes.faulty_http import Fault, answer, answer_json, empty_body, html, reset, truncated
from tests.fakes.pinecone_documents import DocumentIndex
from tests.fakes.pinecone_server import PineconeServer
from tests.fakes.secrets import RotatingCredential, fixed_credential

OpenStore = Callable[..., PineconeDocumentStore]


@pytest.fixture
def documents() -> DocumentIndex:
    return DocumentIndex(DIMENSIONS)


@pytest.fixture
def server(documents: DocumentIndex) -> Iterator[PineconeServer]:
    with PineconeServer(DIMENSIONS, documents=documents) as server:
        yield server


@pytest.fixture
def open_store(server: PineconeServer) -> Iterator[OpenStore]:
    stores: list[PineconeDocumentStore] = []

    def open_store(credential: RotatingCredential | None = None, **options: Any) -> PineconeDocumentStore:
        deadline = options.pop("deadline_seconds", 5)
        store = PineconeDocumentStore(credential or fixed_credential(), server.url, DIMENSIONS, deadline, **options)
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def tenant(open_store: OpenStore) -> Tenant:
    return Tenant(open_store(), "acme")


@pytest.mark.parametrize(("fault", "expected"), FAULTS)
def test_a_fault_becomes_one_of_our_errors_after_one_attempt(
    server: PineconeServer, open_store: OpenStore, fault: Fault, expected: type[errors.RagError]
) -> None:
    store = open_store(deadline_seconds=10)
    server.next(fault)

    with pytest.raises(expected) as caught:
        store.lexical(["zeppelin"], Principal("acme"), 5, None)

    assert caught.type is expected
    assert SECRET_WORDS not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", LATE)
def test_an_answer_that_does_not_come_in_time_is_unavailable(
    server: PineconeServer, open_store: OpenStore, fault: Fault
) -> None:
    server.next(fault)

    with pytest.raises(errors.UpstreamUnavailable):
        open_store(deadline_seconds=0.7).lexical(["zeppelin"], Principal("acme"), 5, None)


@pytest.mark.parametrize("fault", [html(), empty_body(), answer_json({}), truncated, reset])
def test_a_write_that_is_not_confirmed_is_an_error(server: PineconeServer, tenant: Tenant, fault: Fault) -> None:
    server.next(fault)

    with pytest.raises((errors.MalformedResponse, errors.UpstreamUnavailable)):
        tenant.store.upsert(tenant.name, [IndexedChunk(tenant.chunk("a"), NORTH)])


def test_a_write_that_is_confirmed_in_part_is_an_error(server: PineconeServer, tenant: Tenant) -> None:
    server.next(answer_json({"upserted_count": 0}))

    with pytest.raises(errors.MalformedResponse):
        tenant.store.upsert(tenant.name, [IndexedChunk(tenant.chunk("a"), NORTH)])


def test_nothing_is_read_or_opened_before_the_first_call(server: PineconeServer) -> None:
    def forbidden(*, fresh: bool = False) -> str:
        raise AssertionError("the credential was read")

    PineconeDocumentStore(forbidden, server.url, DIMENSIONS, deadline_seconds=5).close()

    assert server.requests == []


def test_an_index_of_the_other_kind_is_reported() -> None:
    with PineconeServer(DIMENSIONS) as vectors:
        store = PineconeDocumentStore(fixed_credential(), vectors.url, DIMENSIONS, deadline_seconds=5)
        with pytest.raises(errors.IndexUnavailable, match="other kind"):
            store.dense([NORTH], Principal("acme"), 5, None)
        store.close()


def test_an_index_without_full_text_search_is_searched_by_vector_alone(
    documents: DocumentIndex, tenant: Tenant
) -> None:
    documents.full_text_search = False
    documents.put("acme", "id", good_document())

    assert tenant.finds() == {"d"}
    with pytest.raises(errors.IndexUnavailable, match=r"rag index create.*Mode dense"):
        tenant.lexical("zeppelin")


def test_an_index_of_other_dimensions_is_reported(documents: DocumentIndex, tenant: Tenant) -> None:
    documents.dimension = DIMENSIONS + 1

    with pytest.raises(errors.IndexUnavailable):
        tenant.search()
    with pytest.raises(errors.IndexUnavailable):
        tenant.load(tenant.chunk("a"))


def test_requests_stay_within_two_megabytes(server: PineconeServer, tenant: Tenant) -> None:
    tenant.load(*(tenant.chunk("long", ordinal=ordinal, text=("é" * 9 + " ") * 1_000) for ordinal in range(120)))

    upserts = [request for request in server.requests if request.path.endswith("/upsert")]
    assert len(upserts) == 2
    assert sum(len(request.json()["documents"]) for request in upserts) == 120


def test_a_chunk_given_twice_is_written_once_as_given_last(tenant: Tenant) -> None:
    first, last = tenant.chunk("twice", text="first"), tenant.chunk("twice", text="last")

    tenant.load(first, last)

    assert [passage.chunk for passage in tenant.search()] == [last]


@pytest.mark.parametrize(
    "fields", [{"text": "é" * 50_000}, {"text": "é " * 10_000}, {"metadata": {"note": "x" * 21_000}}]
)
def test_a_chunk_too_large_for_a_document_is_refused_before_anything_is_written(
    server: PineconeServer, tenant: Tenant, fields: dict[str, Any]
) -> None:
    small, large = tenant.chunk("small"), tenant.chunk("large", **fields)

    with pytest.raises(errors.InvalidRequest):
        tenant.store.upsert(tenant.name, [IndexedChunk(small, NORTH), IndexedChunk(large, NORTH)])

    assert server.requests == []


def test_a_field_with_the_longest_name_is_stored_and_filtered_by(tenant: Tenant) -> None:
    name = "n" * 63
    tenant.load_metadata(named={name: 1}, other={name: 2})

    assert tenant.finds({name: 1}) == {"named"}


@pytest.mark.parametrize("name", ["metadata", "passage", "readers", "page", "u"])
def test_a_users_field_never_stands_in_for_one_of_ours(tenant: Tenant, name: str) -> None:
    tenant.load_metadata(named={name: "board"})

    assert tenant.finds({name: "board"}) == {"named"}
    assert [passage.chunk.metadata for passage in tenant.search()] == [{name: "board"}]


def good_document() -> dict[str, Any]:
    return {
        "document_id": "d", "version": "v1", "ordinal": 0, "title": "T", "source": "", "passage": "T\nT\ntext",
        "tokens": 1, "start": 0, "end": 1, "heading": "", "readers": ["*"], "embedding": array("f", NORTH),
    }  # fmt: skip


def test_a_document_is_the_chunk_that_was_written(documents: DocumentIndex, tenant: Tenant) -> None:
    documents.put("acme", "id", good_document() | {"ordinal": 3.0, "page": 2.0})

    [passage] = tenant.search()

    assert (passage.chunk.text, passage.chunk.ordinal, passage.chunk.page) == ("text", 3, 2)


@pytest.mark.parametrize("name", sorted(good_document().keys() - {"readers", "embedding"}))
def test_a_document_without_one_of_its_fields_is_reported(documents: DocumentIndex, tenant: Tenant, name: str) -> None:
    broken = good_document()
    del broken[name]
    documents.put("acme", "id", broken)

    with pytest.raises(errors.MalformedResponse, match=name):
        tenant.search()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("passage", "another title\ntext"),
        ("ordinal", 1.5),
        ("tokens", True),
        ("metadata", "no JSON"),
        ("metadata", "[1]"),
        ("metadata", '{"tags": ["a"]}'),
    ],
)
def test_a_document_with_an_odd_field_is_reported(
    documents: DocumentIndex, tenant: Tenant, name: str, value: object
) -> None:
    documents.put("acme", "id", good_document() | {name: value})

    with pytest.raises(errors.MalformedResponse, match=name):
        tenant.search()


@pytest.mark.parametrize("vector", [None, "x", [1.0, "a"]])
def test_a_document_without_its_vector_is_reported(server: PineconeServer, tenant: Tenant, vector: object) -> None:
    shown = good_document() | {"_id": "id", "embedding": vector}
    server.next(answer_json({"documents": {"id": shown}, "namespace": "acme", "usage": {"read_units": 1}}))

    with pytest.raises(errors.MalformedResponse, match="embedding"):
        list(tenant.store.fetch("acme", ["id"]))


def matched(**fields: object) -> Fault:
    match = good_document() | {"_id": "x", "_score": 0.5, "embedding": []} | fields
    return answer_json({"matches": [match], "namespace": "acme", "usage": {"read_units": 1}})


@pytest.mark.parametrize("fields", [{"_id": None}, {"_score": None}, {"_score": "1"}, {"_score": True}])
def test_a_match_without_its_id_or_score_is_malformed(
    server: PineconeServer, tenant: Tenant, fields: dict[str, Any]
) -> None:
    server.next(matched(**fields))

    with pytest.raises(errors.MalformedResponse):
        tenant.search()


@pytest.mark.parametrize("score", ["NaN", "Infinity", "1e999"])
def test_a_score_that_is_no_number_is_malformed(server: PineconeServer, tenant: Tenant, score: str) -> None:
    match = good_document() | {"_id": "x", "_score": "?", "embedding": []}
    body = json.dumps({"matches": [match], "namespace": "acme", "usage": {"read_units": 1}})
    server.next(answer(200, body.replace('"?"', score), {"Content-Type": "application/json"}))

    with pytest.raises(errors.MalformedResponse):
        tenant.lexical("text")


def test_a_document_that_the_filter_should_have_kept_back_is_not_shown(server: PineconeServer, tenant: Tenant) -> None:
    server.next(matched(readers=["board"]))

    with pytest.raises(errors.MalformedResponse):
        tenant.lexical("text")


def test_an_index_that_does_not_score_by_cosine_is_reported(server: PineconeServer, tenant: Tenant) -> None:
    server.next(matched(_score=5.0))

    with pytest.raises(errors.IndexUnavailable):
        tenant.search()


def test_settling_waits_until_words_find_the_chunk() -> None:
    with PineconeServer(DIMENSIONS, documents=DocumentIndex(DIMENSIONS, lag=2, text_lag=5)) as server:
        store = PineconeDocumentStore(fixed_credential(), server.url, DIMENSIONS, deadline_seconds=5)
        tenant = Tenant(store, "acme")
        tenant.load(tenant.chunk("late", text="The zeppelin above Friedrichshafen carries passengers."))

        assert tenant.finds_words("zeppelin") == {"late"}
        store.close()


@pytest.mark.parametrize("text", ["", "of the and to", "x y z", "日本語"])
def test_settling_takes_a_text_without_telling_words_for_searchable(tenant: Tenant, text: str) -> None:
    tenant.load(tenant.chunk("bare", text=text))

    assert tenant.finds() == {"bare"}


def test_settling_on_a_chunk_written_again_waits_for_its_new_state() -> None:
    with PineconeServer(DIMENSIONS, documents=DocumentIndex(DIMENSIONS, lag=3)) as server:
        store = PineconeDocumentStore(fixed_credential(), server.url, DIMENSIONS, deadline_seconds=5)
        tenant = Tenant(store, "acme")
        tenant.load(tenant.chunk("moved", groups=("hr",)))
        tenant.load(tenant.chunk("moved", groups=("finance",)))

        assert tenant.finds(groups=("hr",)) == set()
        assert tenant.finds(groups=("finance",)) == {"moved"}
        store.close()


def test_settling_gives_up_in_time(server: PineconeServer, open_store: OpenStore) -> None:
    with pytest.raises(errors.UpstreamUnavailable):
        open_store(settle_seconds=0.3).settle("acme", ["never"])

    assert len(server.requests) < 10


READINGS: dict[str, Callable[[PineconeDocumentStore, str], Iterable[object]]] = {
    "entries": lambda store, tenant: store.entries(tenant, ["d"]),
    "ids": lambda store, tenant: store.ids(tenant),
    "fetch": lambda store, tenant: store.fetch(tenant, ["0" * 32]),
}


@pytest.mark.parametrize(("reading", "nothing"), [("entries", {}), ("ids", [])])
def test_pages_that_go_round_in_a_circle_are_reported(
    server: PineconeServer, open_store: OpenStore, reading: str, nothing: object
) -> None:
    page = {"documents": nothing, "namespace": "acme", "usage": {"read_units": 1}, "pagination": {"next": "again"}}
    server.next(answer_json(page), answer_json(page))

    with pytest.raises(errors.MalformedResponse):
        list(READINGS[reading](open_store(), "acme"))


@pytest.mark.parametrize("reading", READINGS)
def test_a_listing_that_is_none_is_not_taken_for_an_empty_one(
    server: PineconeServer, open_store: OpenStore, reading: str
) -> None:
    server.next(answer_json({"namespace": "acme"}))

    with pytest.raises(errors.MalformedResponse):
        list(READINGS[reading](open_store(), "acme"))


@pytest.mark.parametrize("reading", READINGS)
def test_a_namespace_that_does_not_exist_yet_holds_nothing(
    server: PineconeServer, open_store: OpenStore, reading: str
) -> None:
    server.next(answer_json({"code": 5, "message": "Namespace not found"}, 404))

    assert list(READINGS[reading](open_store(), "acme")) == []


@pytest.mark.parametrize("reading", READINGS)
def test_no_reading_is_of_no_tenant(server: PineconeServer, open_store: OpenStore, reading: str) -> None:
    with pytest.raises(errors.InvalidRequest):
        list(READINGS[reading](open_store(), ""))

    assert server.requests == []


def test_every_search_asks_for_the_principals_readers(server: PineconeServer, tenant: Tenant) -> None:
    either = parse_filter({"$or": [{"a": 1}, {"b": 2}]})
    tenant.store.dense([NORTH], Principal("acme", ("hr",)), 5, None)
    tenant.store.lexical(["text"], Principal("acme"), 5, either)

    sent = [request.json()["filter"] for request in server.requests]
    assert sent[0] == {"readers": {"$in": ["*", "hr"]}}
    assert sent[1]["$and"][0] == {"readers": {"$in": ["*"]}}


def test_no_search_brings_vectors_along(server: PineconeServer, tenant: Tenant) -> None:
    tenant.load(tenant.chunk("a"))
    tenant.search()

    [match] = json.loads(server.responses[-1].body)["matches"]
    assert "embedding" not in match


def test_several_questions_are_answered_in_order_and_one_failure_is_the_whole_calls(
    server: PineconeServer, tenant: Tenant
) -> None:
    directions = [direction(*[0.0] * number, 1.0) for number in range(DIMENSIONS)]
    tenant.load_at([(tenant.chunk(f"d{number}"), vector) for number, vector in enumerate(directions)])

    found = tenant.store.dense(directions, Principal("acme"), 1, None)
    server.next(answer(500))
    with pytest.raises(errors.UpstreamUnavailable):
        tenant.store.lexical(["text"] * 20, Principal("acme"), 1, None)

    assert [passage.chunk.document_id for [passage] in found] == [f"d{number}" for number in range(DIMENSIONS)]


def test_words_that_only_make_a_question_are_not_asked_for_and_others_keep_their_spelling(
    server: PineconeServer, tenant: Tenant
) -> None:
    tenant.lexical("What does the Zeppelins' warranty cover?")
    tenant.lexical("why")

    asked = [request.json()["score_by"][0]["query"] for request in server.requests]
    assert asked == ["Zeppelins' warranty cover?", "why"]
