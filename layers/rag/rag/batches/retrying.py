"""Another attempt inside a function, where one by the state machine would pay again for what is done already."""

from collections.abc import Callable
from typing import Final, TypeVar

from rag.errors import TransientError

PAUSES: Final = (0.25, 0.75)  # seconds before each further attempt

T = TypeVar("T")


def retried(call: Callable[[], T], pause: Callable[[float], None]) -> T:
    """Return what the call returns; a failure that may pass is tried again twice, after `pause` of so many seconds.

    Raises:
        TransientError: the last attempt failed too.
        PermanentError: as the call does, at once.
    """
    for seconds in PAUSES:
        try:
            return call()
        except TransientError:
            pause(seconds)
    return call()
