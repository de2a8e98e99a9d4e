"""Hostile questions, held on what a store returns, before the registry has its say; and what they find without a guard.

The same questions go over HTTP in tests/integration/test_access_fuzz.py.
"""

import random
from collections.abc import Callable
from dataclasses import replace
from uuid import uuid4

import pytest

from rag.adapters.milvus_filters import visible
from rag.filters import Filter, parse_filter
from rag.models import IndexedChunk, Principal
from rag.vectors import Vector
from tests.attacks.canaries import ATTACKER, leaks, planted
from tests.attacks.questions import question
from tests.contract.vector_stores import DIMENSIONS, VectorStore, direction
from tests.fakes.memory_store import MemoryStore, admits

ATTEMPTS = 120
GUARDED_STORES = ("memory_store", "milvus_store")  # whose guard is one function

Mutation = Callable[["Site", pytest.MonkeyPatch], None]


class Site:
    """A store with documents of tenants whose names no other test uses."""

    def __init__(self, store: VectorStore) -> None:
        self.store = store
        suffix = f"-{uuid4().hex[:8]}"
        self.attacker = Principal(ATTACKER.tenant + suffix, ATTACKER.groups)
        self.documents = [replace(document, tenant=document.tenant + suffix) for document in planted()]
        dice = random.Random(7)
        for tenant in {document.tenant for document in self.documents}:
            chunks = [document.chunk for document in self.documents if document.tenant == tenant]
            store.upsert(tenant, [IndexedChunk(chunk, somewhere_north(dice)) for chunk in chunks])
            store.settle(tenant, [chunk.chunk_id for chunk in chunks])

    def shown(self, seed: int) -> str:
        """Return all that one attempt is given by the store's searches."""
        dice = random.Random(seed)
        asked = question(dice)
        where = parse_filter(asked["filter"]) if "filter" in asked else None
        vector = somewhere_north(dice)
        top_k = asked.get("top_k", 10)
        dense = self.store.dense([vector], self.attacker, top_k, where)
        lexical = self.store.lexical([asked["query"]], self.attacker, top_k, where)
        return repr((dense, lexical))

    def leaks(self) -> int:
        """Return how many attempts are shown what is closed to the attacker."""
        return sum(bool(leaks(self.shown(seed))) for seed in range(ATTEMPTS))


def somewhere_north(dice: random.Random) -> "Vector[float]":
    """Return a vector that is near all others of this test."""
    return direction(1, *(dice.uniform(-0.2, 0.2) for _ in range(DIMENSIONS - 1)))


@pytest.fixture
def site(store: VectorStore) -> Site:
    return Site(store)


@pytest.fixture(params=GUARDED_STORES)
def guarded_site(request: pytest.FixtureRequest) -> Site:
    return Site(request.getfixturevalue(request.param))


def test_no_attempt_is_shown_what_is_closed(site: Site) -> None:
    assert site.leaks() == 0


def test_no_cosine_is_told_of_what_is_closed(site: Site) -> None:
    texts = {document.chunk.chunk_id: document.text for document in site.documents}

    told = site.store.similarities(somewhere_north(random.Random(1)), site.attacker, list(texts))

    assert told
    assert not any(leaks(texts[key]) for key in told)


def test_attempts_are_shown_what_is_open(site: Site) -> None:
    assert any("second floor" in site.shown(seed) for seed in range(ATTEMPTS))


def without_tenant(site: Site, patch: pytest.MonkeyPatch) -> None:
    """Take the tenant out of what the store is asked for."""

    def all_tenants(principal: Principal, where: Filter | None = None) -> str:
        tenant, _, others = visible(principal, where).partition(" and ")
        assert tenant.startswith("tenant == ")
        return others

    patch.setattr("rag.adapters.milvus_store.visible", all_tenants)
    if isinstance(site.store, MemoryStore):
        everything = {key: item for held in site.store._tenants.values() for key, item in held.items()}
        patch.setattr(site.store, "_tenants", {site.attacker.tenant: everything})


def without_groups(site: Site, patch: pytest.MonkeyPatch) -> None:
    """Let everyone in a tenant read everything of it."""

    def all_groups(principal: Principal, where: Filter | None = None) -> str:
        return visible(principal, where).replace("open_to_tenant == true", "open_to_tenant in [true, false]")

    def all_readable(store: MemoryStore, principal: Principal, where: Filter | None) -> list[IndexedChunk]:
        held = store._tenants.get(principal.tenant, {}).values()
        return [item for item in held if where is None or admits(where, item.chunk.metadata)]

    patch.setattr("rag.adapters.milvus_store.visible", all_groups)
    patch.setattr(MemoryStore, "_readable", all_readable)


@pytest.mark.parametrize("take_away", [without_tenant, without_groups])
def test_the_same_attempts_leak_once_the_guard_is_gone(
    guarded_site: Site, take_away: Mutation, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_away(guarded_site, monkeypatch)

    assert guarded_site.leaks() > ATTEMPTS / 10
