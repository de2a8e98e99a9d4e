"""The Pinecone adapter beyond the common contract: faults, keys, limits, odd records."""

import dataclasses
import gc
import inspect
import json
import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from pinecone.errors import exceptions as vendor

from rag import errors
from rag.adapters.pinecone_errors import translated
from rag.adapters.pinecone_store import PineconeStore
from rag.adapters.scores import cosine
from rag.filters import parse_filter
from rag.models import IndexedChunk, Principal, ScoredChunk
from tests.contract.pinecone_faults import FAULTS, LATE, SECRET_WORDS
from tests.contract.vector_stores import DIMENSIONS, NORTH, Tenant, direction
from tests.fakes.faulty_http import (
    Exchange,
    Fault,
    answer,
    answer_json,
    drip,
    empty_body,
    hang,
    html,
    reset,
    truncated,
)
from tests.fakes.pinecone_documents import DocumentIndex
from tests.fakes.pinecone_server import PineconeServer
from tests.fakes.secrets import RotatingCredential, fixed_credential


@pytest.fixture
def server() -> Iterator[PineconeServer]:
    with PineconeServer(DIMENSIONS) as server:
        yield server


@pytest.fixture
def open_store(server: PineconeServer) -> Iterator[Callable[..., PineconeStore]]:
    stores: list[PineconeStore] = []

    def open_store(credential: RotatingCredential | None = None, **options: Any) -> PineconeStore:
        deadline = options.pop("deadline_seconds", 5)
        store = PineconeStore(credential or fixed_credential(), server.url, DIMENSIONS, deadline, **options)
        stores.append(store)
        return store

    yield open_store
    for store in stores:
        store.close()


@pytest.fixture
def tenant(open_store: Callable[..., PineconeStore]) -> Tenant:
    return Tenant(open_store(), "acme")


def opened(server: PineconeServer) -> closing[PineconeStore]:
    return closing(PineconeStore(fixed_credential(), server.url, DIMENSIONS, deadline_seconds=5))


def search(store: PineconeStore) -> list[ScoredChunk]:
    [found] = store.dense([NORTH], Principal("acme"), 5, None)
    return found


@pytest.mark.parametrize(("fault", "expected"), FAULTS)
def test_a_fault_becomes_one_of_our_errors_after_one_attempt(
    server: PineconeServer,
    open_store: Callable[..., PineconeStore],
    fault: Fault,
    expected: type[errors.RagError],
) -> None:
    store = open_store(deadline_seconds=10)
    server.next(fault)

    with pytest.raises(expected) as caught:
        search(store)

    assert caught.type is expected
    assert SECRET_WORDS not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize("fault", LATE)
def test_an_answer_that_does_not_come_in_time_is_unavailable(
    server: PineconeServer, open_store: Callable[..., PineconeStore], fault: Fault
) -> None:
    server.next(fault)

    with pytest.raises(errors.UpstreamUnavailable):
        search(open_store(deadline_seconds=0.7))


@pytest.mark.parametrize("fault", [html(), empty_body(), answer_json({}), truncated, reset])
def test_a_write_that_is_not_confirmed_is_an_error(server: PineconeServer, tenant: Tenant, fault: Fault) -> None:
    server.next(fault)

    with pytest.raises((errors.MalformedResponse, errors.UpstreamUnavailable)):
        tenant.store.upsert(tenant.name, [IndexedChunk(tenant.chunk("a"), NORTH)])


def test_a_write_that_is_confirmed_in_part_is_an_error(server: PineconeServer, tenant: Tenant) -> None:
    server.next(answer_json({"upsertedCount": 0}))

    with pytest.raises(errors.MalformedResponse):
        tenant.store.upsert(tenant.name, [IndexedChunk(tenant.chunk("a"), NORTH)])


def test_the_store_works_again_after_a_fault(server: PineconeServer, tenant: Tenant) -> None:
    tenant.load(tenant.chunk("a"))
    server.next(reset)
    with pytest.raises(errors.UpstreamUnavailable):
        tenant.search()

    assert tenant.finds() == {"a"}


def test_a_host_where_nobody_listens_is_unavailable() -> None:
    with PineconeServer(DIMENSIONS) as server:
        url = server.url

    with (
        closing(PineconeStore(fixed_credential(), url, DIMENSIONS, deadline_seconds=5)) as store,
        pytest.raises(errors.UpstreamUnavailable),
    ):
        search(store)


def test_nothing_is_read_or_opened_before_the_first_call(server: PineconeServer) -> None:
    def forbidden(*, fresh: bool = False) -> str:
        raise AssertionError("the credential was read")

    PineconeStore(forbidden, server.url, DIMENSIONS, deadline_seconds=5).close()

    assert server.requests == []


@pytest.mark.parametrize("refusal", [401, 403])
def test_a_key_that_rotated_is_read_again_once(
    server: PineconeServer, open_store: Callable[..., PineconeStore], refusal: int
) -> None:
    credential = RotatingCredential("old-key", "stand-in-key")
    store = open_store(credential)
    server.next(answer_json({"message": "no"}, refusal))

    assert search(store) == []
    assert search(store) == []
    assert credential.fresh_reads == 1


def test_a_key_that_did_not_change_is_not_tried_again(
    server: PineconeServer, open_store: Callable[..., PineconeStore]
) -> None:
    credential = RotatingCredential("wrong-key")
    store = open_store(credential)

    with pytest.raises(errors.CredentialsRejected) as caught:
        search(store)

    assert "wrong-key" not in str(caught.value)
    assert len(server.requests) == 1


def test_a_new_key_that_is_refused_too_is_the_end_of_it(
    server: PineconeServer, open_store: Callable[..., PineconeStore]
) -> None:
    store = open_store(RotatingCredential("old", "also-wrong", "never-tried"))

    with pytest.raises(errors.CredentialsRejected):
        search(store)

    assert len(server.requests) == 2


def test_a_renewed_key_gets_no_deadline_of_its_own(
    server: PineconeServer, open_store: Callable[..., PineconeStore]
) -> None:
    def held(exchange: Exchange) -> bool:
        exchange.pause(0.7)
        exchange.send(exchange.response.head() + exchange.response.body)
        return True

    server.next(held, held)

    with pytest.raises(errors.UpstreamUnavailable, match="Pinecone did not answer within 1 s"):
        search(open_store(RotatingCredential("old-key", "stand-in-key"), deadline_seconds=1.0))


def test_a_failing_search_logs_none_of_its_filter(
    server: PineconeServer, tenant: Tenant, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINECONE_DEBUG_CURL", "true")
    logging.getLogger("pinecone").setLevel(logging.NOTSET)  # as it is in a new process
    caplog.set_level(logging.DEBUG)
    server.next(answer(500))

    with pytest.raises(errors.UpstreamUnavailable):
        tenant.finds({"kind": "canary-filter"})

    assert "canary-filter" not in caplog.text


@pytest.mark.parametrize("key", ["two\nlines", "trailing\n", "tab\tkey\x00"])
def test_a_malformed_key_is_a_matter_of_the_secret(open_store: Callable[..., PineconeStore], key: str) -> None:
    with pytest.raises(errors.SecretUnavailable) as caught:
        search(open_store(RotatingCredential(key)))

    assert key.strip() not in str(caught.value)


def test_requests_stay_within_two_megabytes(server: PineconeServer, tenant: Tenant) -> None:
    tenant.load(*(tenant.chunk("long", ordinal=ordinal, text="é" * 15_000) for ordinal in range(100)))

    upserts = [request for request in server.requests if request.path == "/vectors/upsert"]
    assert len(upserts) == 2
    assert sum(len(request.json()["vectors"]) for request in upserts) == 100


def test_requests_stay_within_a_thousand_records(server: PineconeServer, tenant: Tenant) -> None:
    tenant.load(*(tenant.chunk("long", ordinal=ordinal) for ordinal in range(1_001)))

    sizes = [len(request.json()["vectors"]) for request in server.requests if request.path == "/vectors/upsert"]
    assert sizes == [1_000, 1]


def test_a_chunk_too_large_for_a_record_is_refused_before_anything_is_written(
    server: PineconeServer, tenant: Tenant
) -> None:
    small, large = tenant.chunk("small"), tenant.chunk("large", text="é" * 20_500)

    with pytest.raises(errors.InvalidRequest):
        tenant.store.upsert(tenant.name, [IndexedChunk(small, NORTH), IndexedChunk(large, NORTH)])

    assert server.requests == []


def test_the_largest_chunk_that_is_let_through_is_taken(tenant: Tenant) -> None:
    for size in range(40_600, 40_900, 10):
        chunk = IndexedChunk(tenant.chunk("edge", text="x" * size), NORTH)
        try:
            tenant.store.upsert(tenant.name, [chunk])
        except errors.InvalidRequest:
            return
    pytest.fail("no size was refused")


@pytest.mark.parametrize("absent_differs", [True, False])
def test_ne_and_nin_mean_the_same_whichever_way_pinecone_reads_a_missing_field(absent_differs: bool) -> None:
    with PineconeServer(DIMENSIONS, absent_differs=absent_differs) as server, opened(server) as store:
        tenant = Tenant(store, "acme")
        tenant.load_metadata(a={"kind": "a", "on": True}, b={"kind": "b", "on": False}, bare={})

        assert tenant.finds({"kind": {"$ne": "a"}}) == {"b"}
        assert tenant.finds({"kind": {"$nin": ["a", "x"]}}) == {"b"}
        assert tenant.finds({"on": {"$nin": [True, "x"]}}) == {"b"}


def good_metadata() -> dict[str, Any]:
    return {
        "document_id": "d", "version": "v1", "ordinal": 0, "title": "", "source": "", "text": "t", "tokens": 1,
        "start": 0, "end": 1, "heading": "", "readers": ["*"],
    }  # fmt: skip


def test_numbers_may_come_back_as_floats(server: PineconeServer, tenant: Tenant) -> None:
    server.put("acme", "id", NORTH, {**good_metadata(), "ordinal": 3.0, "page": 2.0})

    [passage] = tenant.search()

    assert (passage.chunk.ordinal, passage.chunk.page) == (3, 2)
    assert type(passage.chunk.page) is int


@pytest.mark.parametrize("name", sorted(good_metadata().keys() - {"readers"}))
def test_a_record_without_one_of_its_fields_is_reported(server: PineconeServer, tenant: Tenant, name: str) -> None:
    metadata = good_metadata()
    del metadata[name]
    server.put("acme", "id", NORTH, metadata)

    with pytest.raises(errors.MalformedResponse, match=name):
        tenant.search()


@pytest.mark.parametrize(
    ("name", "value"),
    [("text", 7), ("ordinal", "1"), ("ordinal", 1.5), ("tokens", True), ("page", "x"), ("meta_tags", ["a"])],
)
def test_a_record_with_an_odd_field_is_reported(
    server: PineconeServer, tenant: Tenant, name: str, value: object
) -> None:
    server.put("acme", "id", NORTH, good_metadata() | {name: value})

    with pytest.raises(errors.MalformedResponse) as caught:
        tenant.search()

    assert repr(value) not in str(caught.value)


def test_a_record_of_another_program_is_never_found(server: PineconeServer, tenant: Tenant) -> None:
    server.put("acme", "foreign", NORTH, {"text": "no readers"})
    tenant.load(tenant.chunk("ours"))

    assert tenant.finds() == {"ours"}


def test_a_record_that_the_filter_should_have_kept_back_is_not_shown(server: PineconeServer, tenant: Tenant) -> None:
    closed = {"id": "x", "score": 0.5, "metadata": good_metadata() | {"readers": ["board"]}}
    server.next(answer_json({"matches": [closed], "namespace": "acme"}))

    with pytest.raises(errors.MalformedResponse):
        tenant.search()


def test_an_index_that_does_not_score_by_cosine_is_reported(server: PineconeServer, tenant: Tenant) -> None:
    server.put("acme", "id", [5.0] * DIMENSIONS, good_metadata())

    with pytest.raises(errors.IndexUnavailable):
        tenant.search()


@pytest.mark.parametrize(("score", "shown"), [(1.005, 1.0), (-1.005, -1.0), (0.25, 0.25)])
def test_a_rounding_error_does_not_carry_a_score_past_one(
    server: PineconeServer, tenant: Tenant, score: float, shown: float
) -> None:
    match = {"id": "x", "score": score, "metadata": good_metadata()}
    server.next(answer_json({"matches": [match], "namespace": "acme"}))

    assert [passage.score for passage in tenant.search()] == [shown]


@pytest.mark.parametrize("score", ["NaN", "Infinity", "1e999", "null"])
def test_a_score_that_is_no_number_is_malformed(server: PineconeServer, tenant: Tenant, score: str) -> None:
    body = json.dumps({"matches": [{"id": "x", "score": "?", "metadata": good_metadata()}], "namespace": "acme"})
    server.next(answer(200, body.replace('"?"', score), {"Content-Type": "application/json"}))

    with pytest.raises(errors.MalformedResponse):
        tenant.search()


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_no_cosine_is_made_of_what_is_not_finite(score: float) -> None:
    with pytest.raises(errors.MalformedResponse):
        cosine(score)


def test_an_index_of_other_dimensions_is_reported() -> None:
    with PineconeServer(DIMENSIONS + 1) as wider, opened(wider) as store:
        tenant = Tenant(store, "acme")
        with pytest.raises(errors.IndexUnavailable):
            tenant.search()
        with pytest.raises(errors.IndexUnavailable):
            tenant.load(tenant.chunk("a"))


def test_no_tenant_is_not_the_default_namespace(server: PineconeServer, tenant: Tenant) -> None:
    server.put("", "id", NORTH, good_metadata())

    with pytest.raises(errors.InvalidRequest):
        tenant.store.dense([NORTH], Principal(""), 5, None)

    assert server.requests == []


def test_settling_waits_out_the_delay_of_a_write() -> None:
    with PineconeServer(DIMENSIONS, lag=4) as server, opened(server) as store:
        tenant = Tenant(store, "acme")
        tenant.load(tenant.chunk("late"))

        assert tenant.finds() == {"late"}


def test_settling_on_a_chunk_written_again_waits_for_its_new_state() -> None:
    with PineconeServer(DIMENSIONS, lag=3) as server, opened(server) as store:
        tenant = Tenant(store, "acme")
        tenant.load(tenant.chunk("moved", groups=("hr",)))
        tenant.load(tenant.chunk("moved", groups=("finance",)))

        assert tenant.finds(groups=("hr",)) == set()
        assert tenant.finds(groups=("finance",)) == {"moved"}


def test_settling_gives_up_in_time(server: PineconeServer, open_store: Callable[..., PineconeStore]) -> None:
    store = open_store(settle_seconds=0.3)

    with pytest.raises(errors.UpstreamUnavailable):
        store.settle("acme", ["never"])

    assert len(server.requests) < 10


READINGS: dict[str, Callable[[PineconeStore, str], Iterable[object]]] = {
    "entries": lambda store, tenant: store.entries(tenant, ["d"]),
    "ids": lambda store, tenant: store.ids(tenant),
    "fetch": lambda store, tenant: store.fetch(tenant, ["0" * 32]),
}


@pytest.mark.parametrize(("reading", "nothing"), [("entries", {}), ("ids", [])])
def test_pages_that_go_round_in_a_circle_are_reported(
    server: PineconeServer, open_store: Callable[..., PineconeStore], reading: str, nothing: object
) -> None:
    page = answer_json({"vectors": nothing, "namespace": "acme", "pagination": {"next": "again"}})
    server.next(page, page)

    with pytest.raises(errors.MalformedResponse):
        list(READINGS[reading](open_store(), "acme"))


@pytest.mark.parametrize("answered", [{}, {"namespace": "another-tenant"}])
@pytest.mark.parametrize("reading", READINGS)
def test_a_listing_that_is_none_is_not_taken_for_an_empty_one(
    server: PineconeServer, open_store: Callable[..., PineconeStore], reading: str, answered: dict[str, Any]
) -> None:
    server.next(answer_json(answered))

    with pytest.raises(errors.MalformedResponse):
        list(READINGS[reading](open_store(), "acme"))


@pytest.mark.parametrize("reading", READINGS)
def test_a_namespace_that_does_not_exist_yet_holds_nothing(
    server: PineconeServer, open_store: Callable[..., PineconeStore], reading: str
) -> None:
    server.next(answer_json({"code": 5, "message": "Namespace not found"}, 404))

    assert list(READINGS[reading](open_store(), "acme")) == []


@pytest.mark.parametrize("reading", READINGS)
def test_no_reading_is_of_the_default_namespace(
    server: PineconeServer, open_store: Callable[..., PineconeStore], reading: str
) -> None:
    with pytest.raises(errors.InvalidRequest):
        list(READINGS[reading](open_store(), ""))

    assert server.requests == []


def test_a_vector_of_other_dimensions_is_not_fetched(server: PineconeServer, tenant: Tenant) -> None:
    server.put("acme", "odd", [1.0] * (DIMENSIONS + 1), good_metadata())

    with pytest.raises(errors.IndexUnavailable):
        list(tenant.store.fetch("acme", ["odd"]))


def test_a_fetch_shows_a_chunk_as_it_was_until_its_new_state_has_settled() -> None:
    with PineconeServer(DIMENSIONS, lag=2) as server, opened(server) as store:
        tenant = Tenant(store, "acme")
        before, after = tenant.chunk("moved", groups=("hr",)), tenant.chunk("moved", groups=("finance",))
        tenant.load(before)

        store.upsert("acme", [IndexedChunk(after, NORTH)])
        [early] = store.fetch("acme", [after.chunk_id])
        store.settle("acme", [after.chunk_id])
        [late] = store.fetch("acme", [after.chunk_id])

    assert (early.chunk, late.chunk) == (before, after)


def test_every_query_asks_for_the_principals_readers(server: PineconeServer, tenant: Tenant) -> None:
    tenant.store.dense([NORTH], Principal("acme", ("hr",)), 5, None)
    tenant.store.lexical(["text"], Principal("acme"), 5, parse_filter({"$or": [{"a": 1}, {"b": 2}]}))

    sent = [request.json()["filter"] for request in server.requests]
    assert sent[0] == {"readers": {"$in": ["*", "hr"]}}
    assert sent[1]["$and"][0] == {"readers": {"$in": ["*"]}}


def vendor_errors() -> list[type[vendor.PineconeError]]:
    return [
        member
        for _, member in inspect.getmembers(vendor, inspect.isclass)
        if issubclass(member, vendor.PineconeError) and member is not vendor.PineconeError
    ]


@pytest.mark.parametrize("kind", vendor_errors(), ids=lambda kind: kind.__name__)
def test_every_error_of_the_client_has_a_meaning_of_its_own(kind: type[vendor.PineconeError]) -> None:
    arguments = (SECRET_WORDS, 418) if issubclass(kind, vendor.ApiError) else (SECRET_WORDS,)
    error = kind(*arguments) if kind is not vendor.IndexTerminatedError else kind(SECRET_WORDS, "Terminating")

    ours = translated(error)

    assert str(ours) != str(translated(vendor.PineconeError("base")))
    assert SECRET_WORDS not in str(ours)


def test_every_error_of_the_clients_http_library_is_known() -> None:
    assert isinstance(translated(httpx.DecodingError("x")), errors.MalformedResponse)
    assert isinstance(translated(httpx.ReadTimeout("x")), errors.UpstreamUnavailable)
    assert isinstance(translated(httpx.TooManyRedirects("x")), errors.UpstreamUnavailable)


def test_abandoned_calls_leave_nothing_open(server: PineconeServer, open_store: Callable[..., PineconeStore]) -> None:
    store = open_store(deadline_seconds=0.2)
    server.next(hang, drip(0.05))
    for _ in range(2):
        with pytest.raises(errors.UpstreamUnavailable):
            search(store)

    store.close()
    gc.collect()  # an open socket would warn here, and warnings are errors


def test_an_index_without_sparse_values_is_not_loaded_without_its_words() -> None:
    with PineconeServer(DIMENSIONS, takes_sparse=False) as server, opened(server) as store:
        tenant = Tenant(store, "acme")
        server.put("acme", "id", NORTH, good_metadata())

        with pytest.raises(errors.IndexUnavailable, match="rag index create"):
            tenant.load(tenant.chunk("a"))
        with pytest.raises(errors.IndexUnavailable, match="Mode dense"):
            tenant.lexical("text")
        assert tenant.finds() == {"d"}


def test_a_document_index_is_reported_as_of_the_other_kind() -> None:
    with (
        PineconeServer(DIMENSIONS, documents=DocumentIndex(DIMENSIONS)) as server,
        opened(server) as store,
        pytest.raises(errors.IndexUnavailable, match="other kind"),
    ):
        search(store)


def test_the_words_of_a_chunk_outlive_its_regrouping(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("moved", text="zeppelin", groups=("hr",)))
    [kept] = tenant.store.fetch("acme", [tenant.chunk("moved").chunk_id])

    tenant.load(dataclasses.replace(kept.chunk, groups=("finance",)), vector=kept.vector)

    assert tenant.finds_words("zeppelin", groups=("hr",)) == set()
    assert tenant.finds_words("zeppelin", groups=("finance",)) == {"moved"}


def test_a_search_by_words_is_beside_zeros_so_that_they_alone_score(server: PineconeServer, tenant: Tenant) -> None:
    tenant.load(tenant.chunk("near", text="nothing of it"), vector=NORTH)
    tenant.load(tenant.chunk("worded", text="zeppelin"), vector=direction(-1))

    assert tenant.finds_words("zeppelin") == {"worded"}
    assert server.requests[-1].json()["vector"] == [0.0] * DIMENSIONS


def test_a_match_without_a_word_in_common_is_dropped(server: PineconeServer, tenant: Tenant) -> None:
    match = {"id": "x", "score": 0, "metadata": good_metadata()}
    server.next(answer_json({"matches": [match], "namespace": "acme"}))

    assert tenant.lexical("zeppelin") == []


def test_several_vectors_are_asked_side_by_side_and_answered_in_order(
    server: PineconeServer, open_store: Callable[..., PineconeStore]
) -> None:
    store = open_store(deadline_seconds=2)
    names = [f"d{number}" for number in range(DIMENSIONS)]
    directions = [direction(*[0.0] * number, 1.0) for number in range(DIMENSIONS)]
    tenant = Tenant(store, "acme")
    tenant.load_at([(tenant.chunk(name), vector) for name, vector in zip(names, directions, strict=True)])

    found = store.dense(directions, Principal("acme"), 1, None)

    assert [passage.chunk.document_id for [passage] in found] == names


def test_one_failure_among_several_vectors_is_the_whole_calls(
    server: PineconeServer, open_store: Callable[..., PineconeStore]
) -> None:
    store = open_store(deadline_seconds=0.5)
    server.next(hang)

    with pytest.raises(errors.UpstreamUnavailable):
        store.dense([NORTH] * 20, Principal("acme"), 1, None)


def test_a_key_that_rotates_while_others_ask_breaks_nothing(
    server: PineconeServer, open_store: Callable[..., PineconeStore]
) -> None:
    store = open_store(RotatingCredential("old-key", "stand-in-key"))

    assert store.dense([NORTH] * 40, Principal("acme"), 1, None) == [[]] * 40


def test_similarities_of_many_chunks_come_in_requests_of_a_hundred(server: PineconeServer, tenant: Tenant) -> None:
    chunks = [tenant.chunk("long", ordinal=ordinal) for ordinal in range(250)]
    tenant.load(*chunks)
    server.requests.clear()

    similar = tenant.store.similarities(NORTH, Principal("acme"), [chunk.chunk_id for chunk in chunks])

    assert similar == {chunk.chunk_id: pytest.approx(1.0) for chunk in chunks}
    assert sorted(len(request.query["ids"]) for request in server.requests) == [50, 100, 100]
