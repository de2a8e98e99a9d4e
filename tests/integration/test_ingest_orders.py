"""Whatever order a key's events come in, however often and however many at once: the last writer wins, whole."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations
from random import Random
from threading import Event as Pause
from typing import Final
from uuid import uuid4

import pytest

from rag.identity import chunk_id
from ragctl.commands.doctor import examining
from tests.integration.ingestion_site import Event, IngestionSite

_GUARD_SECONDS: Final = 30.0  # only a failing test waits this long
_LOOK_SECONDS: Final = 0.01
DELIVERIES: Final = 20
PATH: Final = "handbook.md"
SHARED: Final = "".join(
    f"# Rule {number}\n\n{f'Whoever follows rule {number} asks first. ' * 15}\n\n" for number in range(4)
)
TEXTS: Final = {"put 1": f"A rule of the old days.\n\n{SHARED}", "put 2": f"{SHARED}A rule that came much later.\n"}
ORDERS: Final = list(permutations(["put 1", "put 2", "delete"]))

in_any_order = pytest.mark.parametrize("order", ORDERS, ids=", ".join)


@pytest.fixture(scope="module")
def found_of(quiet_site: IngestionSite) -> dict[str, dict[str, frozenset[str]]]:
    """What a query finds after each operation alone."""
    found = {"delete": dict[str, frozenset[str]]()}
    for operation in TEXTS:
        tenant = new_tenant()
        quiet_site.deliver(done(quiet_site, tenant, operation))
        found[operation] = quiet_site.found(tenant)
    assert len({frozenset(one.items()) for one in found.values()}) == 3
    return found


@in_any_order
@pytest.mark.parametrize("seed", range(2))
def test_events_that_come_late_in_any_order_end_with_the_newest(
    quiet_site: IngestionSite, found_of: dict[str, dict[str, frozenset[str]]], order: tuple[str, ...], seed: int
) -> None:
    tenant = new_tenant()
    events = [done(quiet_site, tenant, operation) for operation in order]
    deliveries = (events * DELIVERIES)[:DELIVERIES]
    Random(seed).shuffle(deliveries)

    with ThreadPoolExecutor(DELIVERIES) as at_once:
        executions = list(at_once.map(quiet_site.start, deliveries))

    expect_whole_versions_until_the_end(quiet_site, tenant, executions, found_of)
    expect_the_newest_alone(quiet_site, tenant, found_of[order[-1]])


@in_any_order
def test_events_that_come_while_the_key_changes_end_with_the_newest(
    quiet_site: IngestionSite, found_of: dict[str, dict[str, frozenset[str]]], order: tuple[str, ...]
) -> None:
    tenant = new_tenant()
    shares = [DELIVERIES // 3, DELIVERIES // 3, DELIVERIES - 2 * (DELIVERIES // 3)]

    with ThreadPoolExecutor(DELIVERIES) as at_once:
        started = []
        for operation, share in zip(order, shares, strict=True):
            event = done(quiet_site, tenant, operation)
            started += [at_once.submit(quiet_site.start, event) for _ in range(share)]
            expect_its_turn(quiet_site, tenant, event)
        executions = [one.result() for one in started]

    expect_whole_versions_until_the_end(quiet_site, tenant, executions, found_of)
    expect_the_newest_alone(quiet_site, tenant, found_of[order[-1]])


def new_tenant() -> str:
    return f"orders-{uuid4().hex[:12]}"


def done(site: IngestionSite, tenant: str, operation: str) -> Event:
    """Do an operation and return its event."""
    return site.delete(tenant, PATH) if operation == "delete" else site.put(tenant, PATH, TEXTS[operation])


def expect_its_turn(site: IngestionSite, tenant: str, event: Event) -> None:
    """Return when the event has its turn, and most of its ingestion is still to come."""
    stored, pause, give_up = event["detail"]["object"], Pause(), time.monotonic() + _GUARD_SECONDS
    while [entry.origin for entry in site.entries(tenant)] != [f"{stored['key']}@{stored['sequencer']}"]:
        assert time.monotonic() < give_up
        pause.wait(_LOOK_SECONDS)


def expect_whole_versions_until_the_end(
    site: IngestionSite, tenant: str, executions: list[str], found_of: dict[str, dict[str, frozenset[str]]]
) -> None:
    """Nobody ever sees two versions, or a part of one."""
    for status in statuses(site, executions):
        assert status in ("RUNNING", "SUCCEEDED")
        assert site.found(tenant) in found_of.values()


def statuses(site: IngestionSite, executions: list[str]) -> Iterator[str]:
    for execution in executions:
        while (status := site.status(execution)) == "RUNNING":
            yield status
        yield status


def expect_the_newest_alone(site: IngestionSite, tenant: str, found: dict[str, frozenset[str]]) -> None:
    (entry,) = site.entries(tenant)
    held = [one.chunk for one in site.chunks(tenant)]
    assert site.found(tenant) == found
    assert entry.status == ("ready" if found else "deleted")
    assert {chunk.version for chunk in held} <= {entry.live_version}
    assert len(held) == entry.chunks
    assert {chunk.chunk_id for chunk in held} == {
        chunk_id(tenant, PATH, entry.live_version, ordinal) for ordinal in range(entry.chunks)
    }
    assert set(entry.versions) <= {entry.live_version}
    assert site.staged(tenant) == []
    assert examining(site.stack, patience_seconds=0)(tenant).ok
