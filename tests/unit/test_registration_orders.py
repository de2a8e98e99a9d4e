"""The registry's decisions in every order of deliveries: late, twice, side by side, and killed."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.models import Metadata
from rag.registration import (
    Origin,
    Registration,
    claim,
    deleted,
    described,
    failed,
    published,
    reaped,
    registered,
    unchanged,
)
from tests.fakes.memory_registry import MemoryRegistry

KEY = "documents/acme/a.md"
SIDECAR = KEY + ".metadata.json"
NOW = "2026-11-22T11:00:00Z"

Decision = Callable[[Registration], Registration | None]
Delivery = Generator[None, None, Registration | None]


@dataclass(frozen=True)
class Change:
    """A change of the document: its content, which is empty where it is deleted, or what its sidecar says."""

    origin: Origin
    content: str = ""
    groups: tuple[str, ...] | None = None


PUT_1 = Change(Origin.event(KEY, "9"), "one")
PUT_2 = Change(Origin.event(KEY, "0A"), "two")
DELETE = Change(Origin.event(KEY, "FF"))
PUT_3 = Change(Origin.event(KEY, "100"), "one")
BY_HAND = Change(Origin("by hand"), "by hand")
DELETE_BY_HAND = Change(Origin("deletion by hand"))
SAID_1 = Change(Origin.event(SIDECAR, "1"), groups=("hr",))
SAID_2 = Change(Origin.event(SIDECAR, "10"), groups=("it",))
EVENTS = [PUT_1, PUT_2, DELETE, PUT_3, SAID_1, SAID_2]


class World:
    """A registry whose every state is checked. A delivery gives way between any two of its reads and writes."""

    def __init__(self) -> None:
        self.registry = MemoryRegistry()
        self.taken: dict[str, str] = {}  # the origin of each version
        self._last = self.entry

    @property
    def entry(self) -> Registration:
        return self.registry.load("acme", ["a.md"])["a.md"]

    def deliver(self, change: Change, *, fails: bool = False) -> Delivery:
        if change.groups is not None:
            return (yield from self._decide(lambda entry: _described(entry, change)))
        granted = yield from self._decide(lambda entry: _claimed(entry, change))
        if granted is None or granted.status != "indexing":
            return granted
        turn = granted.turn
        yield from self._decide(lambda entry: registered(entry, turn, 3))
        if fails:
            return (yield from self._decide(lambda entry: failed(entry, turn, "It is empty.", NOW)))
        yield from self._decide(lambda entry: published(entry, turn, change.content, entry.attributes, NOW))
        return (yield from self._decide(lambda entry: reaped(entry, entry.unreaped)))

    def _decide(self, decide: Decision) -> Delivery:
        while True:
            entry = self.entry
            yield
            decided = decide(entry)
            if decided is None or not self.registry.store([decided]):
                self._check()
                yield
                return decided

    def _check(self) -> None:
        entry, last = self.entry, self._last
        assert entry.live_version == "" or entry.live_version in entry.versions
        assert entry.live_version not in entry.unreaped
        assert entry.status != "deleted" or entry.live() is None
        assert entry.status != "ready" or entry.live() is not None
        if entry.turn > last.turn:
            assert entry.turn == last.turn + 1
            assert entry.version not in self.taken
            assert entry.origin not in self.taken.values()
            self.taken[entry.version] = entry.origin
        self._last = entry


def _claimed(entry: Registration, change: Change) -> Registration | None:
    answer = claim(entry, change.origin, "a.md", KEY, NOW)
    if not answer.granted:
        return None
    if not change.content:
        return deleted(answer.entry, NOW)
    if entry.live_version and entry.content_hash == change.content:
        return unchanged(answer.entry, NOW)
    return answer.entry


def _described(entry: Registration, change: Change) -> Registration | None:
    metadata: Metadata = {"by": change.origin.name}
    return described(entry, change.origin, change.groups or (), metadata, NOW)


def finish(delivery: Delivery) -> None:
    for _ in delivery:
        pass


def run(world: World, deliveries: Sequence[tuple[Change, bool]], schedule: Sequence[tuple[int, bool]]) -> None:
    """Let the deliveries take steps by a schedule, which kills some; those that are left then run to their end."""
    running = [world.deliver(change, fails=fails) for change, fails in deliveries]
    for chosen, kills in schedule:
        if running:
            delivery = running[chosen % len(running)]
            if kills or next(delivery, "over") == "over":
                running.remove(delivery)
    for delivery in running:
        finish(delivery)


def steps(kills: bool) -> st.SearchStrategy[list[tuple[int, bool]]]:
    killing = st.sampled_from([False] * 9 + [True]) if kills else st.just(False)
    return st.lists(st.tuples(st.integers(0, 11), killing), max_size=150)


def deliveries_of(changes: Sequence[Change]) -> st.SearchStrategy[list[tuple[Change, bool]]]:
    return st.lists(st.tuples(st.sampled_from(changes), st.sampled_from([False, False, True])), max_size=12)


def shows(world: World, change: Change) -> bool:
    """Tell whether the registry is as this change wants it, with nothing left over."""
    entry = world.entry
    shown = entry.content_hash if entry.live() else ""
    return entry.status == ("ready" if change.content else "deleted") and shown == change.content


@given(deliveries_of(EVENTS), steps(kills=True), st.permutations(EVENTS))
def test_the_newest_event_of_each_key_wins(
    deliveries: list[tuple[Change, bool]], schedule: list[tuple[int, bool]], again: list[Change]
) -> None:
    world = World()
    run(world, deliveries, schedule)
    for change in again:  # what was killed is delivered again, and all else as well
        finish(world.deliver(change))
    assert shows(world, PUT_3)
    assert world.entry.groups == ("it",)


@pytest.mark.parametrize("order", list(permutations([PUT_1, PUT_2, DELETE])))
@given(data=st.data())
def test_a_deletion_after_two_puts_wins_in_each_order(order: tuple[Change, ...], data: st.DataObject) -> None:
    world = World()
    run(world, [(change, False) for change in order * 2], data.draw(steps(kills=False)))
    assert shows(world, DELETE)
    finish(world.deliver(DELETE))
    assert reaped(world.entry, world.entry.unreaped).versions == {}


@given(
    deliveries_of([*EVENTS, BY_HAND, DELETE_BY_HAND]),
    steps(kills=True),
    st.lists(st.sampled_from([*EVENTS, BY_HAND, DELETE_BY_HAND]), max_size=12),
    st.sampled_from([BY_HAND, DELETE_BY_HAND]),
)
def test_a_change_by_hand_stands_until_a_newer_event(
    before: list[tuple[Change, bool]], schedule: list[tuple[int, bool]], after: list[Change], by_hand: Change
) -> None:
    world = World()
    run(world, before, schedule)
    finish(world.deliver(PUT_3))
    last = replace(by_hand, origin=Origin("the last one by hand"))
    finish(world.deliver(last))
    done = {PUT_3.origin.name, last.origin.name, *world.taken.values()}
    for change in after:
        if change.origin.sequencer or change.origin.name in done:
            finish(world.deliver(change))
    assert shows(world, last)
    newest = Change(Origin.event(KEY, "101"), "newest")
    finish(world.deliver(newest))
    assert shows(world, newest)


@given(deliveries_of([SAID_1, SAID_2]), steps(kills=True), st.permutations([PUT_1, SAID_1, SAID_2, DELETE, PUT_3]))
def test_access_is_what_the_newest_sidecar_said_whatever_becomes_of_the_document(
    deliveries: list[tuple[Change, bool]], schedule: list[tuple[int, bool]], changes: list[Change]
) -> None:
    world = World()
    run(world, deliveries, schedule)
    for change in changes:
        spoken = world.entry.groups
        finish(world.deliver(change))
        assert world.entry.groups in (spoken, change.groups)
        assert not (spoken == ("it",) and world.entry.groups == ("hr",))
    assert world.entry.groups == ("it",)
