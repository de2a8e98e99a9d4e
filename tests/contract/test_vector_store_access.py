"""Who finds what: tenants and groups, on every vector store."""

import pytest

from tests.contract.conftest import NewTenant
from tests.contract.polling import eventually
from tests.contract.vector_stores import Tenant


@pytest.fixture
def grouped(tenant: Tenant) -> Tenant:
    """A tenant with one chunk for everyone and three for some."""
    tenant.load(
        tenant.chunk("open"),
        tenant.chunk("finance", groups=("finance",)),
        tenant.chunk("hr", groups=("hr",)),
        tenant.chunk("both", groups=("finance", "hr")),
    )
    return tenant


def test_a_tenant_finds_nothing_of_another(new_tenant: NewTenant) -> None:
    owner, stranger = new_tenant(), new_tenant()
    owner.load(owner.chunk("same", text="the owner's"))
    stranger.load(stranger.chunk("same", text="the stranger's"))

    assert [passage.chunk.text for passage in owner.search()] == ["the owner's"]
    assert [passage.chunk.text for passage in stranger.search()] == ["the stranger's"]


def test_no_group_and_no_filter_opens_another_tenant(new_tenant: NewTenant) -> None:
    owner, stranger = new_tenant(), new_tenant()
    owner.load(owner.chunk("secret", groups=("board",), metadata={"tenant": stranger.name}))

    assert stranger.finds(groups=("board",)) == set()
    assert stranger.finds({"$or": [{"tenant": owner.name}, {"tenant": stranger.name}]}, groups=("board",)) == set()


def test_deleting_in_one_tenant_leaves_the_other(new_tenant: NewTenant) -> None:
    owner, stranger = new_tenant(), new_tenant()
    theirs, ours = owner.chunk("same"), stranger.chunk("same")
    owner.load(theirs)
    stranger.load(ours)

    stranger.store.delete(stranger.name, [theirs.chunk_id, ours.chunk_id])

    eventually(lambda: stranger.finds() == set())
    assert owner.finds() == {"same"}


def test_entries_of_another_tenant_are_not_listed(new_tenant: NewTenant) -> None:
    owner, stranger = new_tenant(), new_tenant()
    owner.load(owner.chunk("same"))

    assert list(stranger.store.entries(stranger.name, ["same"])) == []


def test_a_principal_without_groups_finds_only_what_is_open(grouped: Tenant) -> None:
    assert grouped.finds() == {"open"}


def test_a_principal_finds_what_shares_one_of_its_groups(grouped: Tenant) -> None:
    assert grouped.finds(groups=("finance",)) == {"open", "finance", "both"}
    assert grouped.finds(groups=("hr",)) == {"open", "hr", "both"}
    assert grouped.finds(groups=("sales", "hr")) == {"open", "hr", "both"}


def test_a_group_that_shares_nothing_opens_nothing(grouped: Tenant) -> None:
    assert grouped.finds(groups=("sales",)) == {"open"}


def test_a_group_is_matched_whole(grouped: Tenant) -> None:
    assert grouped.finds(groups=("fin", "h", "finance-emea")) == {"open"}


def test_a_principal_may_have_sixty_four_groups(grouped: Tenant) -> None:
    many = tuple(f"group-{number}" for number in range(63))

    assert grouped.finds(groups=(*many, "hr")) == {"open", "hr", "both"}


@pytest.mark.parametrize(
    "where",
    [
        {"readers": "finance"},
        {"readers": {"$in": ["*", "finance", "hr"]}},
        {"$or": [{"readers": {"$exists": True}}, {"readers": {"$exists": False}}]},
        {"groups": {"$ne": "finance"}},
    ],
)
def test_no_filter_widens_what_a_principal_finds(grouped: Tenant, where: object) -> None:
    assert grouped.finds(where) <= {"open"}


def test_metadata_named_like_the_access_fields_opens_nothing(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("closed", groups=("board",), metadata={"readers": "*", "groups": "*", "tenant": "*"}))

    assert tenant.finds() == set()
    assert tenant.finds({"readers": "*"}) == set()


def test_readers_narrow_before_top_k_counts(tenant: Tenant) -> None:
    closed = [tenant.chunk(f"closed-{number}", groups=("board",)) for number in range(20)]
    tenant.load(*closed, tenant.chunk("open"))

    found = tenant.search(top_k=1)

    assert [passage.chunk.document_id for passage in found] == ["open"]


def test_a_group_taken_from_a_document_takes_effect(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("moved", groups=("hr",)))

    tenant.load(tenant.chunk("moved", groups=("finance",)))

    eventually(lambda: tenant.finds(groups=("hr",)) == set())
    assert tenant.finds(groups=("finance",)) == {"moved"}
