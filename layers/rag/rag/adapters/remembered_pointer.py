"""A pointer that is remembered for a moment, for the query path: a collection stays readable after a switch."""

import time
from collections.abc import Callable
from typing import Final

from rag.index_pointer import IndexPointer
from rag.ports import Pointer

MAX_AGE_SECONDS: Final = 30.0


class RememberedPointer:
    """Reads another pointer at most every `max_age_seconds`. What writes to the index must not use it."""

    def __init__(
        self, pointer: Pointer, *, max_age_seconds: float = MAX_AGE_SECONDS, clock: Callable[[], float] = time.time
    ) -> None:
        self._pointer = pointer
        self._max_age = max_age_seconds
        self._clock = clock  # of the wall, since a frozen Lambda's other clock may stand still
        self._remembered: tuple[float, IndexPointer] | None = None

    def read(self) -> IndexPointer:
        """Return the pointer as it was at most `max_age_seconds` ago.

        Raises:
            TransientError: it is older than that, and could not be read.
        """
        now = self._clock()
        if self._remembered is None or not 0 <= now - self._remembered[0] < self._max_age:
            self._remembered = now, self._pointer.read()
        return self._remembered[1]

    def store(self, pointer: IndexPointer) -> bool:
        """Store the pointer as the other one does, and forget what is remembered."""
        self._remembered = None
        return self._pointer.store(pointer)
