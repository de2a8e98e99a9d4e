"""Publish state: make the new versions live, once the index shows all of them as the registry describes them."""

from collections.abc import Callable, Container, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import Batch, PublishResponse, WorkRequest
from rag.ingestion.deciding import store_decided
from rag.ingestion.erasing import erase
from rag.ingestion.results import Result, Spent, write_results
from rag.ingestion.staging import StagedVersion, Staging
from rag.ports import ChunkIndex, ObjectStore, Pointer, Registry
from rag.registration import Registration, published

_READERS: Final = 8  # of small objects, side by side


@dataclass(frozen=True)
class PublishVersion:
    """Flips live versions, each with a conditional write. What is published already is only looked after."""

    objects: ObjectStore
    registry: Registry
    pointer: Pointer
    index_of: Callable[[IndexTarget], ChunkIndex]
    clock: Callable[[], str]

    def __call__(self, request: WorkRequest) -> PublishResponse:
        """Publish what is complete; ask for what carries outdated attributes, or is in too few collections.

        Raises:
            TransientError: worth another attempt; some versions may be live by then.
        """
        work = request.work
        staging = Staging(self.objects, work)
        written = _written(staging, self.pointer.read().targets)
        loaded = self.registry.load(work.tenant, list(written.versions)).values()
        self._settle(work.tenant, written, loaded)
        self._trim(work.tenant, written, loaded)
        again: dict[str, list[tuple[int, IndexTarget]]] = {}

        def decide(entry: Registration) -> Registration | None:
            again.pop(entry.document_id, None)
            version = written.versions[entry.document_id]
            if version.version not in entry.needed:
                return None
            if outdated := written.outdated(entry):
                again[entry.document_id] = outdated
                return None
            if entry.live_version == version.version:
                return entry
            return published(
                entry, version.turn, version.content_hash, entry.attributes, self.clock(), chunks=version.chunks
            )

        live = store_decided(self.registry, loaded, decide)
        added = [target for target in self.pointer.read().targets if target not in written.targets]
        if added:  # whoever fills it has seen these documents before they went live
            again |= {
                name: [(batch, target) for batch in written.versions[name].batches for target in added] for name in live
            }
        if not again:
            write_results(self.objects, work, "publish", _results(written, live), _spent(staging, written.targets))
        todo = {
            (batch, target.slug): Batch(batch=batch, target=target)
            for outdated in again.values()
            for batch, target in outdated
        }
        return PublishResponse(
            work=work,
            next="index" if again else "reap",
            batches=[todo[key] for key in sorted(todo)],
            published=len(live),
            superseded=len(written.versions.keys() - live.keys() - again.keys()),
        )

    def _settle(self, tenant: str, written: "_Written", entries: Iterable[Registration]) -> None:
        """Read the index back until it shows all that is about to be published."""
        complete = [
            written.versions[entry.document_id]
            for entry in entries
            if written.versions[entry.document_id].version in entry.needed and not written.outdated(entry)
        ]
        for target in written.targets:
            ids = [
                name for version in complete if written.in_target(version, target) for name in version.chunk_ids(tenant)
            ]
            if ids:
                self.index_of(target).settle(tenant, ids)

    def _trim(self, tenant: str, written: "_Written", entries: Iterable[Registration]) -> None:
        """Erase the last chunks of a version of which an earlier attempt, before a change of chunk size, made more."""
        chunk_ids = [chunk_id for entry in entries for chunk_id in written.surplus(tenant, entry)]
        for target in written.targets if chunk_ids else ():
            erase(self.index_of(target), tenant, chunk_ids)


@dataclass(frozen=True)
class _Written:
    """What the work wrote: its versions, and with which attributes each batch went into each collection."""

    versions: dict[str, StagedVersion]
    targets: tuple[IndexTarget, ...]
    digests: dict[tuple[int, str], dict[str, str]]  # by batch and collection, then by document id

    def outdated(self, entry: Registration) -> list[tuple[int, IndexTarget]]:
        """Return the batches and collections that lack the document's chunks, or hold them as described before.

        A version that is live may be in fewer collections: another work saw to that, or copies it just now.
        """
        version = self.versions[entry.document_id]
        accepted = {entry.attributes, None} if entry.live_version == version.version else {entry.attributes}
        return [
            (batch, target)
            for batch in version.batches
            for target in self.targets
            if self._digest(version, batch, target) not in accepted
        ]

    def in_target(self, version: StagedVersion, target: IndexTarget) -> bool:
        """Tell whether the work wrote the version into the collection."""
        return any(self._digest(version, batch, target) is not None for batch in version.batches)

    def surplus(self, tenant: str, entry: Registration) -> list[str]:
        """Return the ids that an earlier attempt at the version may have written beyond its chunks."""
        version = self.versions[entry.document_id]
        if entry.live_version == version.version or version.version not in entry.needed:
            return []
        registered = replace(version, chunks=entry.versions.get(version.version, 0))
        return registered.chunk_ids(tenant)[version.chunks :]

    def _digest(self, version: StagedVersion, batch: int, target: IndexTarget) -> str | None:
        return self.digests.get((batch, target.slug), {}).get(version.document_id)


def _written(staging: Staging, targets: tuple[IndexTarget, ...]) -> _Written:
    versions = {version.document_id: version for version in staging.versions()}
    pairs = [(batch, target) for batch in staging.batches() for target in targets]
    with ThreadPoolExecutor(_READERS) as readers:
        digests = readers.map(lambda pair: staging.attributes(*pair), pairs)
        by_batch = {(batch, target.slug): found or {} for (batch, target), found in zip(pairs, digests, strict=True)}
    return _Written(versions, targets, by_batch)


def _results(written: _Written, live: Container[str]) -> list[Result]:
    return [
        Result(version.document_id, "ready", chunks=version.chunks)
        if version.document_id in live
        else Result(version.document_id, "superseded")
        for version in written.versions.values()
    ]


def _spent(staging: Staging, targets: Sequence[IndexTarget]) -> Spent:
    found = (staging.embedded(batch, target) for batch in staging.batches() for target in targets)
    took = (Spent(one.embedded, one.reused, one.tokens, one.cost_usd) for one in found if one is not None)
    return sum(took, start=Spent())
