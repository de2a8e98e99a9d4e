"""The pointer as the query path remembers it: for half a minute, and no longer."""

import pytest

from rag.adapters.remembered_pointer import MAX_AGE_SECONDS, RememberedPointer
from rag.errors import TransientError, UpstreamUnavailable
from rag.index_pointer import IndexPointer, IndexTarget
from tests.fakes.memory_pointer import MemoryPointer

FIRST, SECOND = IndexTarget(model="first", dimensions=2), IndexTarget(model="second", dimensions=2)


class Table(MemoryPointer):
    """A pointer that counts how often it is read, and can be out of reach."""

    def __init__(self) -> None:
        super().__init__(FIRST)
        self.reads = 0
        self.is_reachable = True

    def read(self) -> IndexPointer:
        self.reads += 1
        if not self.is_reachable:
            raise UpstreamUnavailable("The table is out of reach.")
        return super().read()


class Clock:
    """Tells the time that it was set to."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pointer(table: Table, clock: Clock) -> RememberedPointer:
    return RememberedPointer(table, clock=clock)


def test_it_is_read_once_within_its_time(table: Table, clock: Clock, pointer: RememberedPointer) -> None:
    assert pointer.read().live == FIRST
    clock.now += MAX_AGE_SECONDS - 0.1
    assert pointer.read().live == FIRST
    assert table.reads == 1


def test_a_switch_is_seen_after_that_time(table: Table, clock: Clock, pointer: RememberedPointer) -> None:
    pointer.read()
    table.store(IndexPointer(SECOND))
    clock.now += MAX_AGE_SECONDS
    assert pointer.read().live == SECOND


def test_a_clock_that_is_set_back_does_not_prolong_it(table: Table, clock: Clock, pointer: RememberedPointer) -> None:
    pointer.read()
    table.store(IndexPointer(SECOND))
    clock.now -= 3_600
    assert pointer.read().live == SECOND


def test_a_table_out_of_reach_is_an_error_once_its_time_is_over(
    table: Table, clock: Clock, pointer: RememberedPointer
) -> None:
    pointer.read()
    table.is_reachable = False
    assert pointer.read().live == FIRST
    clock.now += MAX_AGE_SECONDS
    with pytest.raises(TransientError):
        pointer.read()


def test_a_failed_read_is_not_remembered(table: Table, pointer: RememberedPointer) -> None:
    table.is_reachable = False
    with pytest.raises(TransientError):
        pointer.read()
    table.is_reachable = True
    assert pointer.read().live == FIRST


def test_what_is_stored_is_read_back_at_once(pointer: RememberedPointer) -> None:
    assert pointer.store(IndexPointer(SECOND, revision=pointer.read().revision))
    assert pointer.read().live == SECOND
