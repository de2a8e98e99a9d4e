"""Total deadlines for upstream calls: an SDK's timeout is per read, so a server that drips bytes outlives it."""

from collections.abc import Callable
from contextvars import copy_context
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TypeVar

from rag.errors import RagError, UpstreamUnavailable

T = TypeVar("T")


def within(
    seconds: float,
    call: Callable[[], T],
    *,
    service: str = "An upstream service",
    late: type[RagError] = UpstreamUnavailable,
) -> T:
    """Return what `call` returns, or raise what it raises, provided that it takes no longer than `seconds`.

    The call runs in a thread of its own, with the caller's context variables. One that is too late is abandoned, not
    stopped: it ends when its SDK's own timeouts let it. The thread is a daemon, which a pool's would not be, so that an
    abandoned call never keeps the interpreter from exiting.

    Raises:
        UpstreamUnavailable, or whatever `late` is: the time is up. The message names the `service`.
    """
    outcomes: SimpleQueue[_Outcome[T]] = SimpleQueue()
    context = copy_context()
    Thread(target=lambda: outcomes.put(context.run(_attempt, call)), name="deadline", daemon=True).start()
    try:
        returned, raised = outcomes.get(timeout=seconds)
    except Empty:
        raise late(f"{service} did not answer within {seconds:g} s.") from None
    if raised is None:
        return returned[0]
    try:
        raise raised
    finally:
        del raised  # the traceback holds this frame, and this frame held the error: a cycle for the collector


# The result, in a tuple that is empty when the call raised; the error, None when it returned.
_Outcome = tuple[tuple[T, ...], BaseException | None]


def _attempt(call: Callable[[], T]) -> "_Outcome[T]":
    try:
        return (call(),), None
    except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the caller's thread
        return (), error
