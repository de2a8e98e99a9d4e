"""Chunks by their ids, and the ids of a tenant, on every vector store: what ingestion and its doctor read back."""

import pytest

from rag.models import NOBODY, IndexedChunk
from tests.contract.conftest import NewTenant
from tests.contract.polling import eventually
from tests.contract.vector_stores import NORTH, Tenant, direction


def fetched(tenant: Tenant, *chunk_ids: str) -> dict[str, IndexedChunk]:
    """Return what a fetch finds, which holds nothing twice."""
    found = list(tenant.store.fetch(tenant.name, chunk_ids))
    by_id = {item.chunk.chunk_id: item for item in found}
    assert len(by_id) == len(found)
    return by_id


def listed(tenant: Tenant) -> list[str]:
    return sorted(tenant.store.ids(tenant.name))


def test_a_chunk_is_fetched_with_all_its_fields_and_its_vector(tenant: Tenant) -> None:
    chunk = tenant.chunk(
        "../handbook/travel policy+100% (2026).md",
        version="3-5f2c9e",
        ordinal=41,
        title='Reisen — "per diem" & <more>',
        source="ä/ö?x=1#y",
        text="Line one\nline two\r\n\ttabbed \\ 'single' 日本語 👩‍🚀 \u2028end",
        heading="Part I > Ünïcode > 3",
        page=7,
        groups=("finance", "hr-emea"),
        metadata={"year": 2026, "ratio": 0.1, "final": True, "note": "", "id": "not-the-id"},
    )
    towards = direction(0.1, 0.2, 0.3, -0.4, 0.5, 0.6, -0.7, 0.8)
    tenant.load(chunk, vector=towards)

    assert fetched(tenant, chunk.chunk_id) == {chunk.chunk_id: IndexedChunk(chunk, towards)}


def test_what_was_fetched_can_be_written_under_other_groups(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("moved", groups=("hr",)))
    [item] = fetched(tenant, tenant.chunk("moved").chunk_id).values()

    tenant.load(tenant.chunk("moved", groups=("finance",)), vector=item.vector)

    eventually(lambda: tenant.finds(groups=("hr",)) == set())
    assert tenant.finds(groups=("finance",)) == {"moved"}


def test_unknown_ids_are_passed_over_and_repeated_ones_are_fetched_once(tenant: Tenant) -> None:
    there, unknown = tenant.chunk("there"), tenant.chunk("unknown")
    tenant.load(there)

    assert fetched(tenant, unknown.chunk_id, there.chunk_id, there.chunk_id).keys() == {there.chunk_id}
    assert fetched(tenant, *[there.chunk_id] * 250).keys() == {there.chunk_id}
    assert fetched(tenant, unknown.chunk_id) == {}


def test_nothing_is_fetched_for_nothing(tenant: Tenant) -> None:
    assert fetched(tenant) == {}


def test_a_tenant_without_chunks_has_none_to_fetch_or_to_list(tenant: Tenant) -> None:
    assert fetched(tenant, "0" * 32) == {}
    assert listed(tenant) == []


def test_more_chunks_than_an_answer_holds_are_fetched_and_listed(tenant: Tenant) -> None:
    chunks = [tenant.chunk("long", ordinal=ordinal) for ordinal in range(1_100)]
    tenant.load_at((chunk, direction(chunk.ordinal + 1, 1)) for chunk in chunks)

    found = fetched(tenant, *(chunk.chunk_id for chunk in chunks))

    assert [found[chunk.chunk_id].chunk for chunk in chunks] == chunks
    assert [found[chunk.chunk_id].vector for chunk in chunks] == [direction(n + 1, 1) for n in range(1_100)]
    assert listed(tenant) == sorted(chunk.chunk_id for chunk in chunks)


def test_long_texts_are_fetched_whole(tenant: Tenant) -> None:
    chunks = [tenant.chunk("long", ordinal=ordinal, text=f"{ordinal} " + "é" * 15_000) for ordinal in range(120)]
    tenant.load(*chunks)

    found = fetched(tenant, *(chunk.chunk_id for chunk in chunks))

    assert [found[chunk.chunk_id].chunk.text for chunk in chunks] == [chunk.text for chunk in chunks]


def test_chunks_are_listed_in_all_versions_whoever_may_read_them(tenant: Tenant) -> None:
    chunks = [
        tenant.chunk("a", version="1-x"),
        tenant.chunk("a", version="2-y"),
        tenant.chunk("closed", groups=("board",)),
        tenant.chunk("hidden", groups=(NOBODY,)),
    ]
    tenant.load(*chunks)

    assert listed(tenant) == sorted(chunk.chunk_id for chunk in chunks)


def test_deleted_chunks_are_neither_fetched_nor_listed(tenant: Tenant) -> None:
    gone, kept = tenant.chunk("gone"), tenant.chunk("kept")
    tenant.load(gone, kept)

    tenant.store.delete(tenant.name, [gone.chunk_id])

    eventually(lambda: listed(tenant) == [kept.chunk_id])
    assert fetched(tenant, gone.chunk_id, kept.chunk_id).keys() == {kept.chunk_id}


def test_chunks_of_another_tenant_are_neither_fetched_nor_listed(new_tenant: NewTenant) -> None:
    owner, stranger = new_tenant(), new_tenant()
    theirs, ours = owner.chunk("same"), stranger.chunk("same")
    owner.load(theirs)
    stranger.load(ours)

    assert fetched(stranger, theirs.chunk_id, ours.chunk_id).keys() == {ours.chunk_id}
    assert listed(stranger) == [ours.chunk_id]


@pytest.mark.parametrize("groups", [(), ("hr",), ("hr", "board")])
def test_what_nobody_may_read_is_found_by_nobody(tenant: Tenant, groups: tuple[str, ...]) -> None:
    hidden = tenant.chunk("hidden", groups=(NOBODY,), metadata={"kind": "draft"})
    tenant.load(hidden, tenant.chunk("open", metadata={"kind": "final"}))

    assert tenant.finds(groups=groups) == {"open"}
    assert tenant.finds({"kind": "draft"}, groups=groups) == set()
    assert [entry.chunk_id for entry in tenant.store.entries(tenant.name, ["hidden"])] == [hidden.chunk_id]
    assert fetched(tenant, hidden.chunk_id)[hidden.chunk_id].chunk == hidden


def test_what_nobody_may_read_opens_when_it_is_written_again(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("late", groups=(NOBODY,)))

    tenant.load(tenant.chunk("late"))

    eventually(lambda: [found.chunk.groups for found in tenant.search(vector=NORTH)] == [()])
    assert tenant.search(groups=("hr",), top_k=1)
