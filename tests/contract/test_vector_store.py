"""What is stored comes back: searching, writing, deleting and listing, on every vector store."""

import pytest

from rag.errors import IndexUnavailable, PermanentError, UpstreamUnavailable
from rag.models import IndexedChunk, IndexEntry, Principal
from rag.vectors import unit
from tests.contract.polling import eventually
from tests.contract.vector_stores import DIMENSIONS, NORTH, Tenant, direction

TOO_LONG = unit([1.0] * (DIMENSIONS + 1))


def test_search_returns_the_nearest_first_with_their_cosines(tenant: Tenant) -> None:
    tenant.load_at(
        [
            (tenant.chunk("opposite"), direction(-1)),
            (tenant.chunk("near"), direction(0.8, 0.6)),
            (tenant.chunk("same"), direction(1)),
            (tenant.chunk("right-angle"), direction(0, 1)),
        ]
    )

    found = tenant.search(vector=direction(1))

    assert [passage.chunk.document_id for passage in found] == ["same", "near", "right-angle", "opposite"]
    assert [passage.score for passage in found] == pytest.approx([1, 0.8, 0, -1], abs=1e-4)


def test_every_score_lies_between_minus_one_and_one(tenant: Tenant) -> None:
    towards = unit([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    tenant.load(tenant.chunk("same"), vector=towards)

    [passage] = tenant.search(vector=towards)

    assert -1 <= passage.score <= 1


def test_all_fields_of_a_chunk_come_back_as_they_were(tenant: Tenant) -> None:
    chunk = tenant.chunk(
        "handbook/travel policy (2026).md",
        version="5f2c9e",
        ordinal=41,
        title='Reisen — "per diem" & <more>',
        source="s3://bucket/ä/ö?x=1#y",
        text="Line one\nline two\r\n\ttabbed \\ 'single' \"double\" {curly} 日本語 עברית 👩‍🚀 \u00a0\u2028end",
        tokens=123,
        start=1_000_000,
        end=1_000_321,
        heading="Part I > Ünïcode > 3",
        page=7,
        groups=("finance", "hr-emea"),
    )
    tenant.load(chunk)

    [passage] = tenant.search(groups=("finance",))

    assert passage.chunk == chunk


def test_empty_texts_and_absent_values_come_back_as_such(tenant: Tenant) -> None:
    chunk = tenant.chunk("blank", title="", source="", text="", tokens=0, start=0, end=0, heading="", page=None)
    tenant.load(chunk)

    [passage] = tenant.search()

    assert passage.chunk == chunk


def test_page_zero_is_a_page(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("cover", page=0))

    [passage] = tenant.search()

    assert passage.chunk.page == 0


def test_metadata_of_each_type_comes_back_with_its_type(tenant: Tenant) -> None:
    metadata = {
        "text": "shadowing a system field",
        "readers": "nobody",
        "id": "not-the-id",
        "meta_x": "prefixed",
        "empty": "",
        "smile": '🙂 "quoted" \\ back\nslash',
        "year": 2026,
        "negative": -3,
        "ratio": 0.1,
        "tiny": 1e-9,
        "largest": 2**53,
        "yes": True,
        "no": False,
    }
    tenant.load(tenant.chunk("typed", metadata=metadata))

    [passage] = tenant.search()

    assert dict(passage.chunk.metadata) == metadata
    assert passage.chunk.metadata["yes"] is True
    assert passage.chunk.metadata["no"] is False


def test_search_returns_at_most_top_k(tenant: Tenant) -> None:
    tenant.load(*(tenant.chunk(f"d{number}") for number in range(5)))

    assert len(tenant.search(top_k=1)) == 1
    assert len(tenant.search(top_k=3)) == 3


def test_search_returns_all_when_there_are_fewer_than_top_k(tenant: Tenant) -> None:
    tenant.load(*(tenant.chunk(f"d{number}") for number in range(5)))

    assert len(tenant.search(top_k=100)) == 5


def test_a_tenant_without_chunks_finds_nothing(tenant: Tenant) -> None:
    assert tenant.search() == []
    assert tenant.search({"kind": "policy"}) == []
    assert list(tenant.store.entries(tenant.name, ["anything"])) == []


def test_storing_twice_is_storing_once(tenant: Tenant) -> None:
    chunk = tenant.chunk("same")

    tenant.load(chunk)
    tenant.load(chunk)

    assert [passage.chunk for passage in tenant.search()] == [chunk]


def test_a_chunk_stored_again_is_replaced(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("same", text="before", metadata={"old": True}))

    tenant.load(tenant.chunk("same", text="after", metadata={"new": True}))

    eventually(lambda: [passage.chunk.text for passage in tenant.search()] == ["after"])
    assert tenant.finds({"old": {"$exists": True}}) == set()
    assert tenant.finds({"new": True}) == {"same"}


def test_storing_nothing_does_nothing(tenant: Tenant) -> None:
    tenant.store.upsert(tenant.name, [])
    tenant.store.delete(tenant.name, [])
    tenant.store.settle(tenant.name, [])

    assert tenant.search() == []


def test_deleted_chunks_are_not_found_and_the_others_are(tenant: Tenant) -> None:
    gone, kept = tenant.chunk("gone"), tenant.chunk("kept")
    tenant.load(gone, kept)

    tenant.store.delete(tenant.name, [gone.chunk_id])

    eventually(lambda: tenant.finds() == {"kept"})


def test_deleting_what_is_not_there_is_passed_over(tenant: Tenant) -> None:
    tenant.store.delete(tenant.name, ["0" * 32])
    tenant.load(tenant.chunk("kept"))

    tenant.store.delete(tenant.name, ["0" * 32])

    assert tenant.finds() == {"kept"}


def test_entries_lists_the_chunks_of_the_documents_in_all_versions(tenant: Tenant) -> None:
    chunks = [
        tenant.chunk("a", version="v1", ordinal=0),
        tenant.chunk("a", version="v1", ordinal=1),
        tenant.chunk("a", version="v2", ordinal=0, groups=("closed",)),
        tenant.chunk("b", version="v9"),
        tenant.chunk("c"),
    ]
    tenant.load(*chunks)

    listed = list(tenant.store.entries(tenant.name, ["a", "b", "absent"]))

    assert len(listed) == 4
    assert set(listed) == {IndexEntry(chunk.chunk_id, chunk.document_id, chunk.version) for chunk in chunks[:4]}


def test_entries_tells_documents_apart_whatever_their_names_hold(tenant: Tenant) -> None:
    names = ['quote " here', "back\\slash", "a'b", "ünï/コード 🙂", "$eq", "*", "a", "A", " a"]
    tenant.load(*(tenant.chunk(name) for name in names))

    for name in names:
        assert [entry.document_id for entry in tenant.store.entries(tenant.name, [name])] == [name]


def test_entries_lists_a_long_document_to_its_end(tenant: Tenant) -> None:
    chunks = [tenant.chunk("long", ordinal=ordinal) for ordinal in range(230)]
    tenant.load(*chunks)

    listed = [entry.chunk_id for entry in tenant.store.entries(tenant.name, ["long"])]

    assert sorted(listed) == sorted(chunk.chunk_id for chunk in chunks)


def test_more_chunks_than_one_request_holds_are_stored_and_deleted(tenant: Tenant) -> None:
    chunks = [tenant.chunk("long", ordinal=ordinal) for ordinal in range(1_100)]
    tenant.load(*chunks)
    assert len(list(tenant.store.entries(tenant.name, ["long"]))) == 1_100

    tenant.store.delete(tenant.name, [chunk.chunk_id for chunk in chunks])

    eventually(lambda: not list(tenant.store.entries(tenant.name, ["long"])))


def test_settling_on_what_was_never_stored_fails_for_the_time_being(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("there"))

    with pytest.raises(UpstreamUnavailable):
        tenant.store.settle(tenant.name, [tenant.chunk("never").chunk_id])


def test_a_question_of_other_dimensions_is_refused(tenant: Tenant) -> None:
    with pytest.raises(IndexUnavailable):
        tenant.search(vector=TOO_LONG)
    with pytest.raises(IndexUnavailable):
        tenant.store.dense([NORTH, TOO_LONG], Principal(tenant.name), 5, None)
    with pytest.raises(IndexUnavailable):
        tenant.store.similarities(TOO_LONG, Principal(tenant.name), [tenant.chunk("any").chunk_id])


def test_chunks_of_other_dimensions_are_refused_and_none_is_stored(tenant: Tenant) -> None:
    fitting, other = IndexedChunk(tenant.chunk("a"), NORTH), IndexedChunk(tenant.chunk("b"), TOO_LONG)

    with pytest.raises(PermanentError):
        tenant.store.upsert(tenant.name, [fitting, other])

    assert tenant.finds() == set()
