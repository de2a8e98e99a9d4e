"""Waiting for what was written to an eventually consistent Pinecone index."""

import time
from collections.abc import Callable, Collection, Sequence
from typing import Final

from pinecone.models.response_info import ResponseInfo

from rag.adapters.pinecone_limits import FETCHED_AT_ONCE, slices
from rag.errors import UpstreamUnavailable

_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 2.0

Read = Callable[[Sequence[str]], tuple[Collection[str], ResponseInfo | None]]


class PineconeSettling:
    """Knows how far each namespace's log was when it was last written from here, and waits for reads to get there."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._written: dict[str, int] = {}  # per namespace, the log position of the last write from here

    def wrote(self, namespace: str, response: ResponseInfo | None) -> None:
        """Remember the position that a write's response tells."""
        if response is not None and response.lsn_committed is not None:
            self._written[namespace] = response.lsn_committed

    def settle(
        self,
        namespace: str,
        chunk_ids: Sequence[str],
        read: Read,
        is_searchable: Callable[[str], bool] = lambda chunk_id: True,  # noqa: ARG005 - it is taken for granted
    ) -> None:
        """Block until reads hold the ids, and have come as far in the log as the last write from here.

        Without the second, a chunk written again would be taken for settled in its old state. `read` returns which of
        the ids it holds; each is read once when it is there. `is_searchable` is asked of the last id after all.

        Raises:
            UpstreamUnavailable: they were not there in time.
        """
        give_up = time.monotonic() + self._seconds
        for ids in slices(chunk_ids, FETCHED_AT_ONCE):
            missing: Sequence[str] = ids

            def is_complete() -> bool:
                nonlocal missing
                missing = self._missing(namespace, missing, read)
                return not missing

            self._wait(is_complete, give_up)
        if chunk_ids:
            self._wait(lambda: is_searchable(chunk_ids[-1]), give_up)

    def _wait(self, is_done: Callable[[], bool], give_up: float) -> None:
        pause = _FIRST_PAUSE
        while not is_done():
            if time.monotonic() + pause > give_up:
                raise UpstreamUnavailable(
                    f"Pinecone did not show all chunks within {self._seconds:g} s of their being written."
                )
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _missing(self, namespace: str, chunk_ids: Sequence[str], read: Read) -> Sequence[str]:
        held, response = read(chunk_ids)
        position = response.lsn_reconciled if response is not None else None
        if position is not None and position < self._written.get(namespace, 0):
            return chunk_ids
        return [chunk_id for chunk_id in chunk_ids if chunk_id not in held]
