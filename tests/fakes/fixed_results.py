"""A store that finds what it was given, and a registry that shows what it is told to."""

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, NamedTuple

from rag.errors import UpstreamRejected, UpstreamUnavailable
from rag.filters import Filter
from rag.identity import chunk_id
from rag.models import EVERYONE, Chunk, Principal, ScoredChunk
from rag.registration import LiveVersion

TENANT = "acme"  # whose chunks `found` makes

_numbers = count()


class Asked(NamedTuple):
    """One call of a leg."""

    leg: str
    queries: int
    principal: Principal
    top_k: int
    where: Filter | None


class FixedResults:
    """A store whose every query finds the same on a leg; it refuses to return more than `most`."""

    def __init__(
        self, *dense: ScoredChunk, lexical: Sequence[ScoredChunk] = (), most: int = 1_000_000, gone: Sequence[str] = ()
    ) -> None:
        self._found = {"dense": dense, "lexical": lexical}
        self._most = most
        self._gone = gone
        self.asked: list[Asked] = []

    def dense(
        self, vectors: Sequence[Any], principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        return self._answer(Asked("dense", len(vectors), principal, top_k, where))

    def lexical(
        self, texts: Sequence[str], principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        return self._answer(Asked("lexical", len(texts), principal, top_k, where))

    def similarities(self, vector: Any, principal: Principal, chunk_ids: Sequence[str]) -> dict[str, float]:
        known = {found.chunk.chunk_id: found.score for found in self._found["dense"]}
        return {key: known.get(key, 0.0) for key in chunk_ids if key not in self._gone}

    def counts(self, leg: str = "dense") -> list[int]:
        """How many a leg was asked for, each time."""
        return [asked.top_k for asked in self.asked if asked.leg == leg]

    def _answer(self, asked: Asked) -> list[list[ScoredChunk]]:
        self.asked.append(asked)
        if asked.top_k > self._most:
            raise UpstreamRejected("The result would be too large.")
        return [list(self._found[asked.leg][: asked.top_k]) for _ in range(asked.queries)]


class Live:
    """A registry whose documents are all live in one version, but for those that are named otherwise."""

    def __init__(self, version: str = "v", **others: LiveVersion | None) -> None:
        self._version = LiveVersion(version, (EVERYONE,))
        self._others = others
        self.looked_up: list[str] = []
        self.calls = 0

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:
        self.looked_up += document_ids
        self.calls += 1
        found = {document_id: self._others.get(document_id, self._version) for document_id in document_ids}
        return {document_id: version for document_id, version in found.items() if version is not None}


class Unreadable:
    """A registry that cannot be read."""

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:
        raise UpstreamUnavailable("The registry could not be read.")


def found(
    score: float, text: str | None = None, document_id: str = "d", version: str = "v", tenant: str = TENANT
) -> ScoredChunk:
    """Return a tenant's chunk that says what no other one says, unless a text is given."""
    number = next(_numbers)
    said = f"text {number}" if text is None else text
    start = number * 1_000_000  # nothing touches anything else
    key = chunk_id(tenant, document_id, version, number)
    chunk = Chunk(key, document_id, version, number, "T", "s", said, 1, start, start + len(said))
    return ScoredChunk(chunk, score)


def many(number: int, document_id: str, score: float = 0.9) -> list[ScoredChunk]:
    """Return so many chunks of one document."""
    return [found(score, document_id=document_id) for _ in range(number)]
