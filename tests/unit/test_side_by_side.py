"""Calls side by side."""

from contextvars import ContextVar
from threading import Barrier, Event, Lock

import pytest

from rag.side_by_side import AT_ONCE, side_by_side


def test_outcomes_come_in_the_order_of_the_items_whatever_the_order_of_their_ends() -> None:
    last_is_done = Event()

    def call(number: int) -> int:
        if number == 3:
            last_is_done.set()
        else:
            assert last_is_done.wait(5)
        return number * 10

    assert side_by_side(call, [0, 1, 2, 3]) == [0, 10, 20, 30]


def test_nothing_to_ask_is_nothing() -> None:
    assert side_by_side(str, []) == []


def test_as_many_calls_as_allowed_are_under_way_at_once_and_no_more() -> None:
    together, counting = Barrier(AT_ONCE, timeout=5), Lock()
    under_way, most = 0, 0

    def call(_: int) -> None:
        nonlocal under_way, most
        with counting:
            under_way += 1
            most = max(most, under_way)
        together.wait()
        with counting:
            under_way -= 1

    side_by_side(call, range(3 * AT_ONCE))

    assert most == AT_ONCE


def test_the_first_items_error_is_raised_though_a_later_one_came_sooner() -> None:
    later_failed = Event()

    def call(number: int) -> None:
        if number == 1:
            later_failed.set()
            raise ValueError("later")
        assert later_failed.wait(5)
        raise KeyError("first")

    with pytest.raises(KeyError):
        side_by_side(call, [0, 1])


def test_after_an_error_no_further_calls_are_made() -> None:
    called: list[int] = []
    held = Event()

    def call(number: int) -> None:
        called.append(number)
        if number == 0:
            raise ValueError
        held.wait(5)

    try:
        with pytest.raises(ValueError):  # noqa: PT011 - it has no words
            side_by_side(call, range(100))
    finally:
        held.set()

    assert len(called) <= AT_ONCE + 1  # the failed one's thread may have begun another


def test_every_call_sees_the_callers_context() -> None:
    trace: ContextVar[str] = ContextVar("trace")
    trace.set("abc")

    assert side_by_side(lambda _: trace.get(), range(5)) == ["abc"] * 5
