"""The doctor's examination: registry and index are compared both ways, a tenant at a time.

Ingestions go on meanwhile, so a difference counts only if it is still there when both are asked once more. That is
enough, because a version is registered before it is written, and forgotten only after it was deleted, for good.

An id takes 90 bytes of memory here: ten million chunks of one tenant, a gigabyte.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from rag.identity import chunk_id
from rag.index_pointer import IndexTarget
from rag.ingestion.erasing import erase, slices
from rag.ingestion.examination import LISTED, Examination, Finding, Kind
from rag.models import Chunk
from rag.ports import ChunkIndex, Pointer, Registry
from rag.registration import Registration

NIGHTLY_PATIENCE_SECONDS: Final = 6 * 3_600.0  # no ingestion takes that long, not even in a bulk run

_TOGETHER: Final = 100  # documents

Key = bytes | str  # a chunk's id, as bytes unless somebody else has made it
Found = dict[Key, int]  # a bit for each collection that holds it


@dataclass(frozen=True, slots=True)
class ExamineIndex:
    """Finds what the index holds too much or too little, and what has not got on for `patience_seconds`.

    `files` is the registry of the files that hold several documents.
    """

    registry: Registry
    files: Registry
    pointer: Pointer
    index_of: Callable[[IndexTarget], ChunkIndex]
    clock: Callable[[], str]
    patience_seconds: float = NIGHTLY_PATIENCE_SECONDS

    def __call__(self, tenant: str | None = None, *, delete_orphans: bool = False) -> Examination:
        """Examine one tenant, or all; orphans that are deleted are still counted.

        Raises:
            UpstreamUnavailable: the index still shows orphans that were deleted from it.
            TransientError, PermanentError: as the registry and the index do.
        """
        notes = _Notes()
        tenants = [tenant] if tenant is not None else list(self.registry.tenants())
        for each in tenants:
            self._examine(each, notes, delete_orphans=delete_orphans)
        return notes.examination(len(tenants))

    def _examine(self, tenant: str, notes: "_Notes", *, delete_orphans: bool) -> None:
        pointer = self.pointer.read()
        found: Found = {}
        suspects: list[str] = []
        for entry in self.registry.documents(tenant):
            notes.documents += entry.status != "deleted"
            found.update((key, 0) for version in entry.versions for key in _keys(entry, version))
            if self._is_stuck(entry) or self._is_unreaped(entry):
                suspects.append(entry.document_id)
        for number, target in enumerate(pointer.targets):
            strangers = self._mark(tenant, target, 1 << number, found, notes)
            for chunk in self._orphans(tenant, target, strangers, delete=delete_orphans):
                notes.add("orphan", tenant, chunk.document_id, 1, target.slug)
        for number, target in enumerate(pointer.targets):
            kind: Kind = "missing" if target == pointer.live else "unfilled"
            for entry, chunks in self._missing(tenant, target, 1 << number, found):
                notes.add(kind, tenant, entry.document_id, chunks, target.slug)
        self._note_stuck(tenant, self.registry, suspects, notes)
        files = [entry.document_id for entry in self.files.documents(tenant) if self._is_stuck(entry)]
        self._note_stuck(tenant, self.files, files, notes)

    def _mark(self, tenant: str, target: IndexTarget, bit: int, found: Found, notes: "_Notes") -> list[Key]:
        """Mark the ids that a collection holds, and return those that nobody expects there."""
        strangers: list[Key] = []
        for name in self.index_of(target).ids(tenant):
            notes.chunks += 1
            key = _key(name)
            if key in found:
                found[key] |= bit
            else:
                strangers.append(key)
        return strangers

    def _orphans(self, tenant: str, target: IndexTarget, keys: Sequence[Key], *, delete: bool) -> Iterator[Chunk]:
        """Yield the chunks that are still there after the registry has said that it does not know their version."""
        index = self.index_of(target)
        for ids in slices([_name(key) for key in keys]):
            chunks = [item.chunk for item in index.fetch(tenant, ids)]
            entries = self.registry.load(tenant, list({chunk.document_id for chunk in chunks}))
            unknown = [chunk.chunk_id for chunk in chunks if not _is_expected(chunk, entries[chunk.document_id])]
            orphans = [item.chunk for item in index.fetch(tenant, unknown)]
            if delete:
                erase(index, tenant, [chunk.chunk_id for chunk in orphans])
            yield from orphans

    def _missing(self, tenant: str, target: IndexTarget, bit: int, found: Found) -> Iterator[tuple[Registration, int]]:
        """Yield the documents whose live version is not complete in a collection, and how many chunks it lacks."""
        index = self.index_of(target)
        lacking = (
            entry.document_id
            for entry in self.registry.documents(tenant)
            if entry.live_version and not all(found.get(key, 0) & bit for key in _keys(entry, entry.live_version))
        )
        for names in _together(lacking):
            before = self.registry.load(tenant, names)
            absent = {name: _absent(index, entry, bit, found) for name, entry in before.items()}
            after = self.registry.load(tenant, [name for name, chunks in absent.items() if chunks])
            for name, entry in after.items():  # a version never comes back: it was live all the while, or never again
                if entry.live_version == before[name].live_version:
                    yield entry, absent[name]

    def _note_stuck(self, tenant: str, registry: Registry, suspects: Iterable[str], notes: "_Notes") -> None:
        for names in _together(suspects):
            for entry in registry.load(tenant, names).values():
                if self._is_stuck(entry):
                    notes.add("stuck", tenant, entry.document_id, detail=_why_stuck(entry))
                elif self._is_unreaped(entry):
                    notes.add("unreaped", tenant, entry.document_id, sum(entry.unreaped.values()))

    def _is_stuck(self, entry: Registration) -> bool:
        return (entry.status == "indexing" or _is_behind(entry)) and self._is_old(entry)

    def _is_unreaped(self, entry: Registration) -> bool:
        return entry.status != "indexing" and bool(entry.unreaped) and self._is_old(entry)

    def _is_old(self, entry: Registration) -> bool:
        age = datetime.fromisoformat(self.clock()) - datetime.fromisoformat(entry.updated_at)
        return age.total_seconds() > self.patience_seconds


@dataclass(slots=True)
class _Notes:
    """What was found so far: everything counted, the first of each kind listed."""

    documents: int = 0
    chunks: int = 0
    counts: Counter[Kind] = field(default_factory=Counter)
    listed: dict[tuple[Kind, str, str, str], Finding] = field(default_factory=dict)
    kinds: Counter[Kind] = field(default_factory=Counter)

    def add(
        self, kind: Kind, tenant: str, document_id: str, chunks: int = 0, collection: str = "", detail: str = ""
    ) -> None:
        self.counts[kind] += 1 if kind in ("stuck", "unreaped") else chunks
        key = kind, tenant, document_id, collection
        if key in self.listed:
            chunks += self.listed[key].chunks
        elif self.kinds[kind] < LISTED:
            self.kinds[kind] += 1
        else:
            return
        self.listed[key] = Finding(kind, tenant, document_id, chunks, collection, detail)

    def examination(self, tenants: int) -> Examination:
        return Examination(
            tenants=tenants,
            documents=self.documents,
            chunks=self.chunks,
            orphans=self.counts["orphan"],
            missing=self.counts["missing"],
            unfilled=self.counts["unfilled"],
            stuck=self.counts["stuck"],
            unreaped=self.counts["unreaped"],
            findings=tuple(self.listed.values()),
        )


def _is_expected(chunk: Chunk, entry: Registration) -> bool:
    """Tell whether a version that the registry knows has this chunk, under this id."""
    named = chunk_id(entry.tenant, chunk.document_id, chunk.version, chunk.ordinal)
    return chunk.ordinal < entry.versions.get(chunk.version, 0) and chunk.chunk_id == named


def _absent(index: ChunkIndex, entry: Registration, bit: int, found: Found) -> int:
    """Count the chunks of the live version that the collection still does not hold."""
    unmarked = [_name(key) for key in _keys(entry, entry.live_version) if not found.get(key, 0) & bit]
    return len(unmarked) - sum(1 for ids in slices(unmarked) for _ in index.fetch(entry.tenant, ids))


def _is_behind(entry: Registration) -> bool:
    """Tell whether the index does not carry what the document's sidecar said last."""
    return bool(entry.live_version) and entry.indexed_attributes != entry.attributes and entry.status == "ready"


def _why_stuck(entry: Registration) -> str:
    if _is_behind(entry):
        return f"the index has not followed its sidecar since {entry.updated_at}"
    return f"indexing since {entry.updated_at}"


def _keys(entry: Registration, version: str) -> Iterator[Key]:
    for ordinal in range(entry.versions.get(version, 0)):
        yield _key(chunk_id(entry.tenant, entry.document_id, version, ordinal))


def _key(name: str) -> Key:
    """Return an id in less room."""
    try:
        key = bytes.fromhex(name)
    except ValueError:
        return name
    return key if key.hex() == name else name


def _name(key: Key) -> str:
    return key if isinstance(key, str) else key.hex()


def _together(names: Iterable[str]) -> Iterator[list[str]]:
    some: list[str] = []
    for name in names:
        some.append(name)
        if len(some) == _TOGETHER:
            yield some
            some = []
    if some:
        yield some
