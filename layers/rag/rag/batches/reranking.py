"""Reranking for a batch: nobody waits at a counter, so it may take its time, and must leave some to others."""

import time
from collections.abc import Callable, Sequence
from threading import Semaphore
from typing import Final

from rag.batches.retrying import retried
from rag.errors import UpstreamTimedOut
from rag.ports import Reranker

CALL_SECONDS: Final = 20.0  # of one call, where a single query has RerankSeconds
BATCH_SECONDS: Final = 300.0  # from the search's beginning to the beginning of the last call
AT_ONCE: Final = 4


class PatientReranker:
    """A reranker for the questions of one batch: four at a time, and another attempt where a failure may pass.

    Once the batch has had its `seconds`, no call begins: the questions that are left keep the order without it.
    """

    def __init__(
        self,
        reranker: Reranker,
        *,
        seconds: float = BATCH_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reranker = reranker
        self._clock = clock
        self._pause = pause
        self._give_up = clock() + seconds
        self._turns = Semaphore(AT_ONCE)

    def rerank(self, query: str, passages: Sequence[str]) -> list[float]:
        """Return one relevance per passage, in the order given.

        Raises:
            TransientError: it failed thrice, or was late.
            PermanentError: as the reranker does.
            UpstreamTimedOut: the time of the batch is up.
        """
        with self._turns:
            return retried(lambda: self._in_time(query, passages), self._pause)

    def _in_time(self, query: str, passages: Sequence[str]) -> list[float]:
        if self._clock() >= self._give_up:
            raise UpstreamTimedOut("The reranker took all the time that the batch had for it.")
        return self._reranker.rerank(query, passages)
