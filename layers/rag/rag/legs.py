"""A search's legs, filled with what a principal may see: each is asked for more while too little of it may be seen."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import chain
from typing import Final

from rag.deadlines import within
from rag.errors import TransientError, UpstreamRejected
from rag.models import ScoredChunk
from rag.side_by_side import side_by_side
from rag.visibility import Visibility

MAX_CANDIDATES: Final = 1_000
_ROUNDS: Final = 3
_WIDENING: Final = 4
_SPARE: Final = 10

Found = list[list[ScoredChunk]]  # per question
Search = Callable[[Sequence[int], int], Found]  # of the questions with these numbers, and so many of each


class Leg:
    """One leg's search for all questions, to a depth: the `top_k` wanted, or the more that are fused or pruned."""

    def __init__(self, search: Search, questions: int, top_k: int, depth: int) -> None:
        self._search = search
        self._top_k = top_k
        self._depth = depth
        first = max(depth + _SPARE, 2 * top_k)
        self._counts = [min(first * _WIDENING**number, MAX_CANDIDATES) for number in range(_ROUNDS)]
        self._round = 0
        self._found: Found = [[] for _ in range(questions)]
        self.open: Sequence[int] = range(questions)

    def ask(self) -> Found:
        """Return what the questions that are open find, more than the last time.

        A result may be larger than a store sends, as with Pinecone's 4 MB. Then the first round asks for `top_k`.
        """
        try:
            return self._search(self.open, self._counts[self._round])
        except UpstreamRejected:
            if self._round > 0:
                return [self._found[number] for number in self.open]
            return self._search(self.open, self._top_k)

    def take(self, found: Found, visibility: Visibility) -> None:
        """Keep what was found, and leave open the questions of which too little may be seen, if there may be more."""
        count = self._counts[self._round]
        self._round += 1
        short: list[int] = []
        for number, chunks in zip(self.open, found, strict=True):
            self._found[number] = chunks
            if len(chunks) >= count and sum(visibility.shows(one.chunk) for one in chunks) < self._depth:
                short.append(number)
        self.open = short if self._round < len(self._counts) else ()

    def visible(self, visibility: Visibility, most: int | None) -> Found:
        """Return per question the best that may be seen, at most so many."""
        return [[found for found in chunks if visibility.shows(found.chunk)][:most] for chunks in self._found]

    def hidden(self, visibility: Visibility) -> list[set[str]]:
        """Return per question the ids of what may not be seen."""
        return [{one.chunk.chunk_id for one in chunks if not visibility.shows(one.chunk)} for chunks in self._found]


def fill(legs: Sequence[Leg], visibility: Visibility, seconds: float) -> None:
    """Search side by side until no leg is open.

    The first round has all the time that store and registry take. The others end when so many seconds are over since
    it began; one that fails or is late leaves what was found before.
    """
    end = time.monotonic() + seconds
    _take(legs, _round(legs, visibility), visibility)
    while (asking := [leg for leg in legs if leg.open]) and (left := end - time.monotonic()) > 0:
        try:
            found = within(left, partial(_round, asking, visibility))
        except TransientError:
            return
        _take(asking, found, visibility)


def _round(legs: Sequence[Leg], visibility: Visibility) -> list[Found]:
    """Return what each leg finds, and look its documents up; nothing is kept yet, since a late round goes on alone."""
    found = side_by_side(Leg.ask, legs)
    visibility.look_up(one.chunk for one in chain.from_iterable(chain.from_iterable(found)))
    return found


def _take(legs: Sequence[Leg], found: Sequence[Found], visibility: Visibility) -> None:
    for leg, chunks in zip(legs, found, strict=True):
        leg.take(chunks, visibility)
