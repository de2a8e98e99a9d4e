"""What only Milvus does: restarts of Milvus Lite, the lexical fields, rows at the limits, filters against an oracle."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymilvus import MilvusClient

from rag.adapters.milvus_schema import create_milvus_collection
from rag.adapters.milvus_store import MilvusStore
from rag.errors import IndexUnavailable, InvalidRequest
from rag.filters import parse_filter
from rag.models import IndexedChunk, Metadata, Principal
from tests.contract.milvus_fixture import COLLECTION, create_older_collection
from tests.contract.polling import eventually
from tests.contract.vector_stores import DIMENSIONS, NORTH, Tenant
from tests.fakes.memory_store import admits
from tests.fakes.milvus_gate import MilvusGate
from tests.fakes.milvus_lite import MilvusLite

FIELDS = ["a", "b", "cost-centre"]
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=12)
HOSTILE = st.sampled_from(['"', "\\", '\\"', "'", '" or true or "', "1", "true", "\u2028", "{a}", "%", "\ufeff"])
NUMBERS = st.one_of(
    st.integers(-(2**53), 2**53),
    st.integers(-3, 3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 1.0, 0.5]),
)
SCALARS = st.one_of(TEXT, HOSTILE, NUMBERS, st.booleans())
LISTS = st.lists(SCALARS, min_size=1, max_size=4)
CONDITIONS = st.one_of(
    SCALARS,
    st.fixed_dictionaries({"$eq": SCALARS}),
    st.fixed_dictionaries({"$ne": SCALARS}),
    st.fixed_dictionaries({"$in": LISTS}),
    st.fixed_dictionaries({"$nin": LISTS}),
    st.fixed_dictionaries({"$gte": NUMBERS}, optional={"$lt": NUMBERS}),
    st.fixed_dictionaries({"$gt": NUMBERS}, optional={"$lte": NUMBERS}),
    st.fixed_dictionaries({"$exists": st.booleans()}),
)
FILTERS = st.recursive(
    st.dictionaries(st.sampled_from(FIELDS), CONDITIONS, min_size=1, max_size=2),
    lambda inner: st.one_of(
        *(st.fixed_dictionaries({name: st.lists(inner, min_size=1, max_size=3)}) for name in ("$and", "$or"))
    ),
    max_leaves=4,
)


@pytest.fixture
def milvus_tenant(milvus_store: MilvusStore) -> Tenant:
    return Tenant(milvus_store, f"tenant-{uuid4().hex[:12]}")


@pytest.fixture
def raw(milvus_lite: MilvusLite) -> Iterator[Any]:
    """The vendor's own client."""
    client = MilvusClient(milvus_lite.uri, dedicated=True)
    yield client
    client.close()


GatedTenant = tuple[Tenant, MilvusGate]


@pytest.fixture
def behind_the_gate(milvus_lite: MilvusLite, milvus_store: MilvusStore) -> Iterator[GatedTenant]:
    """A tenant with one chunk, and what counts the calls about it."""
    with (
        MilvusGate(milvus_lite.uri) as gate,
        closing(MilvusStore(None, gate.uri, COLLECTION, DIMENSIONS, deadline_seconds=10)) as store,
    ):
        tenant = Tenant(store, f"tenant-{uuid4().hex[:12]}")
        tenant.load(tenant.chunk("one"))
        gate.calls.clear()
        yield tenant, gate


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    documents=st.lists(st.dictionaries(st.sampled_from(FIELDS), SCALARS, max_size=3), min_size=1, max_size=8),
    filters=st.lists(FILTERS, min_size=1, max_size=8),
)
def test_filters_admit_what_the_plain_reading_of_them_admits(
    milvus_store: MilvusStore, documents: list[Metadata], filters: list[object]
) -> None:
    tenant = Tenant(milvus_store, f"tenant-{uuid4().hex[:12]}")
    tenant.load(*(tenant.chunk(str(number), metadata=metadata) for number, metadata in enumerate(documents)))

    for where in filters:
        tree = parse_filter(where)
        assert tenant.finds(where) == {str(number) for number, held in enumerate(documents) if admits(tree, held)}


def test_what_was_loaded_survives_a_kill_of_the_server(tmp_path: Path) -> None:
    with MilvusLite(tmp_path / "data") as server:
        create_milvus_collection(None, server.uri, COLLECTION, DIMENSIONS)
        store = MilvusStore(None, server.uri, COLLECTION, DIMENSIONS, deadline_seconds=10)
        tenant = Tenant(store, "acme")
        tenant.load(*(tenant.chunk(f"settled-{number}") for number in range(50)))
        store.upsert(tenant.name, [IndexedChunk(tenant.chunk(f"written-{number}"), NORTH) for number in range(50)])
        server.kill()
        server.start()

        again = MilvusStore(None, server.uri, COLLECTION, DIMENSIONS, deadline_seconds=10)

        assert len(Tenant(again, "acme").finds()) == 100
        eventually(lambda: len(tenant.finds()) == 100)
        store.close()
        again.close()


def test_a_word_of_the_title_counts_double(milvus_tenant: Tenant) -> None:
    milvus_tenant.load(
        milvus_tenant.chunk("text", title="Other", text="The zeppelin is mentioned here."),
        milvus_tenant.chunk("title", title="Zeppelin", text="Mentioned above only, in some more words."),
    )

    assert [passage.chunk.document_id for passage in milvus_tenant.lexical("a zeppelin")] == ["title", "text"]


def test_equal_hits_come_in_the_order_of_their_ids(milvus_tenant: Tenant) -> None:
    milvus_tenant.load(*(milvus_tenant.chunk(f"d{number}", text="zeppelin") for number in range(20)))

    for found in (milvus_tenant.search(), milvus_tenant.lexical("zeppelin")):
        ids = [passage.chunk.chunk_id for passage in found]
        assert ids == sorted(ids)


def test_a_hundred_questions_at_the_greatest_depth_of_a_batch_are_one_search_a_leg(
    behind_the_gate: GatedTenant,
) -> None:
    tenant, gate = behind_the_gate
    principal = Principal(tenant.name)

    dense = tenant.store.dense([NORTH] * 100, principal, 250, None)
    assert gate.calls.pop("Search") == 1
    lexical = tenant.store.lexical([f"text of question {number}" for number in range(100)], principal, 250, None)
    assert gate.calls.pop("Search") == 1

    assert [[found.chunk.document_id for found in one] for one in dense + lexical] == [["one"]] * 200


def test_more_hits_than_an_answer_should_hold_are_searched_for_in_parts(behind_the_gate: GatedTenant) -> None:
    tenant, gate = behind_the_gate

    found = tenant.store.dense([NORTH] * 100, Principal(tenant.name), 1_000, None)

    assert gate.calls["Search"] == 4
    assert [len(one) for one in found] == [1] * 100


def test_questions_without_words_are_not_searched_for(behind_the_gate: GatedTenant) -> None:
    tenant, gate = behind_the_gate

    assert tenant.store.lexical(["of the", "", "?"], Principal(tenant.name), 10, None) == [[], [], []]
    assert gate.calls["Search"] == 0


def test_words_of_another_version_are_not_searched_and_all_else_is(milvus_lite: MilvusLite) -> None:
    name = f"rag_older_{uuid4().hex[:12]}_{DIMENSIONS}"
    create_older_collection(milvus_lite.uri, name)

    with closing(MilvusStore(None, milvus_lite.uri, name, DIMENSIONS, deadline_seconds=10)) as store:
        tenant = Tenant(store, "acme")
        tenant.load(tenant.chunk("one"))
        with pytest.raises(IndexUnavailable, match="rag index drop, rag index create, rag doctor --fix"):
            tenant.lexical("text")
        assert tenant.finds() == {"one"}
        store.delete("acme", [tenant.chunk("one").chunk_id])
        assert tenant.finds() == set()


def test_a_page_taken_away_is_gone(milvus_tenant: Tenant) -> None:
    milvus_tenant.load(milvus_tenant.chunk("same", page=3))

    milvus_tenant.load(milvus_tenant.chunk("same", page=None))

    [passage] = milvus_tenant.search()
    assert passage.chunk.page is None


def test_texts_at_their_limits_are_stored_whole(milvus_tenant: Tenant) -> None:
    chunk = milvus_tenant.chunk(
        "é" * 512, text="é" * 32_767, title="t" * 4_096, source="s" * 4_096, heading="h" * 4_096
    )
    milvus_tenant.load(chunk)

    [passage] = milvus_tenant.search()

    assert passage.chunk == chunk


def test_rows_at_their_limits_are_fetched(milvus_tenant: Tenant) -> None:
    chunks = [
        milvus_tenant.chunk("long", ordinal=ordinal, text="é" * 32_767, metadata={"note": "m" * 65_000})
        for ordinal in range(110)
    ]
    milvus_tenant.load(*chunks)

    found = milvus_tenant.store.fetch(milvus_tenant.name, [chunk.chunk_id for chunk in chunks])

    assert sorted((item.chunk for item in found), key=lambda chunk: chunk.ordinal) == chunks


def test_a_chunk_beyond_a_limit_keeps_its_whole_batch_out(milvus_tenant: Tenant) -> None:
    with pytest.raises(InvalidRequest, match="text exceeds 65535 bytes"):
        milvus_tenant.load(milvus_tenant.chunk("fits"), milvus_tenant.chunk("does-not", text="é" * 32_768))

    assert milvus_tenant.finds() == set()


def test_sixty_four_groups_open_a_document_to_each(milvus_tenant: Tenant) -> None:
    groups = tuple(f"group-{number}-{'x' * 52}" for number in range(10, 74))
    milvus_tenant.load(milvus_tenant.chunk("shared", groups=groups))

    assert milvus_tenant.finds(groups=groups[:1]) == {"shared"}
    assert milvus_tenant.finds(groups=("other", groups[-1])) == {"shared"}
    assert milvus_tenant.finds(groups=groups) == {"shared"}
    assert milvus_tenant.finds() == set()
