"""How many questions a caller may ask in a day."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from rag.errors import AllowanceSpent

SPENT: Final = "The questions of this day are used up."
KEPT_SECONDS: Final = 2 * 86_400  # so long a count outlives the moment it was last raised


class Counts(Protocol):
    """Counts, each below a limit."""

    def raised(self, key: str, by: int, limit: int, expires_at: int) -> bool:
        """Raise a count, unless it would pass the limit; return whether it was raised.

        Raises:
            TransientError: it could not be raised just now.
        """
        ...

    def lowered(self, key: str, by: int) -> None:
        """Take back what a count was raised by, if there still is one.

        Raises:
            TransientError: it could not be lowered just now.
        """
        ...


def count_key(caller_id: str, now: float) -> str:
    """Return where a caller's questions of the present day, in UTC, are counted; `now` is in seconds since 1970."""
    return f"count/{datetime.fromtimestamp(now, UTC):%Y-%m-%d}/{caller_id}"


@dataclass(frozen=True, slots=True)
class Allowance:
    """The questions of a day, counted before they are asked.

    It fails closed: what cannot be counted is not asked, and told as a service that is busy. Each caller has an item of
    its own, so whoever asks faster than one item can be written keeps only itself from asking.
    """

    counts: Counts
    questions_per_day: int
    clock: Callable[[], float]

    def spend(self, caller_id: str, questions: int = 1) -> str:
        """Count questions, all or none, and return where they were counted.

        Raises:
            AllowanceSpent: they are more than are left.
            TransientError: they could not be counted just now.
        """
        now = self.clock()
        key = count_key(caller_id, now)
        if not self.counts.raised(key, questions, self.questions_per_day, int(now) + KEPT_SECONDS):
            raise AllowanceSpent(SPENT)
        return key

    def give_back(self, key: str, questions: int) -> None:
        """Take back questions that were counted there and are not asked.

        Raises:
            TransientError: they could not be taken back just now, and stay counted.
        """
        self.counts.lowered(key, questions)
