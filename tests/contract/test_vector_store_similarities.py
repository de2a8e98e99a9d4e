"""How near given chunks are to a vector, on every vector store."""

import pytest

from rag.models import NOBODY, Principal
from tests.contract.conftest import NewTenant
from tests.contract.vector_stores import NORTH, Tenant, direction


def measured(tenant: Tenant, *documents: str, groups: tuple[str, ...] = ()) -> dict[str, float]:
    """Return how near the first chunks of the documents are to north, by document."""
    ids = {tenant.chunk(name).chunk_id: name for name in documents}
    found = tenant.store.similarities(NORTH, Principal(tenant.name, groups), list(ids))
    return {ids[key]: score for key, score in found.items()}


def test_the_cosine_of_each_chunk_is_told(tenant: Tenant) -> None:
    tenant.load_at(
        [
            (tenant.chunk("same"), direction(1)),
            (tenant.chunk("near"), direction(0.8, 0.6)),
            (tenant.chunk("opposite"), direction(-1)),
            (tenant.chunk("not-asked"), direction(1)),
        ]
    )

    expected = {"same": 1.0, "near": 0.8, "opposite": -1.0}
    assert measured(tenant, *expected) == pytest.approx(expected, abs=1e-4)


def test_it_is_what_a_search_gives(tenant: Tenant) -> None:
    tenant.load_at((tenant.chunk(f"d{number}"), direction(1, number / 7)) for number in range(20))

    searched = {passage.chunk.document_id: passage.score for passage in tenant.search()}

    assert measured(tenant, *searched) == pytest.approx(searched, abs=1e-5)


def test_unknown_and_repeated_ids_are_passed_over(tenant: Tenant) -> None:
    there = tenant.chunk("there")
    tenant.load(there)

    found = tenant.store.similarities(NORTH, Principal(tenant.name), [there.chunk_id, "0" * 32, there.chunk_id])

    assert found == {there.chunk_id: pytest.approx(1)}


def test_nothing_is_as_near_as_nothing(tenant: Tenant) -> None:
    assert tenant.store.similarities(NORTH, Principal(tenant.name), []) == {}
    assert measured(tenant, "absent") == {}


def test_chunks_that_the_principal_may_not_read_are_left_out(tenant: Tenant) -> None:
    tenant.load(tenant.chunk("open"), tenant.chunk("closed", groups=("hr",)), tenant.chunk("hidden", groups=(NOBODY,)))

    assert measured(tenant, "open", "closed", "hidden").keys() == {"open"}
    assert measured(tenant, "open", "closed", "hidden", groups=("hr",)).keys() == {"open", "closed"}


def test_chunks_of_another_tenant_are_left_out(new_tenant: NewTenant) -> None:
    owner, stranger = new_tenant(), new_tenant()
    theirs = owner.chunk("theirs")
    owner.load(theirs)

    assert stranger.store.similarities(NORTH, Principal(stranger.name), [theirs.chunk_id]) == {}


def test_more_chunks_than_one_request_holds_are_told(tenant: Tenant) -> None:
    tenant.load(*(tenant.chunk(f"d{number}") for number in range(1_100)))

    assert len(measured(tenant, *(f"d{number}" for number in range(1_100)))) == 1_100
