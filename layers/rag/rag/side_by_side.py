"""Calls side by side: what waits on the network waits once, not once per call."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Final, TypeVar

AT_ONCE: Final = 8

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def side_by_side(call: Callable[[Item], Outcome], items: Sequence[Item]) -> list[Outcome]:
    """Return what the call returns for each item, in their order, at most eight calls under way at a time.

    The first item whose call fails decides: its error is raised, calls that have not begun are not made, and nobody
    waits for the others. Each call sees the caller's context variables, a trace's among them.
    """
    if len(items) < 2:
        return [call(item) for item in items]
    pool = ThreadPoolExecutor(min(len(items), AT_ONCE), thread_name_prefix="side-by-side")
    try:
        under_way = [pool.submit(copy_context().run, call, item) for item in items]
        return [future.result() for future in under_way]
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
