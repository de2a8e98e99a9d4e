"""What the registry knows of one document, and how each change moves it.

All of this is plain values and decisions, so that every order of events can be tried in a test. Whoever wants a change
loads an entry, decides here, and stores the result under the condition that nobody stored another one since.

The order of changes is counted in turns. A change takes a turn once, however often it is delivered; of events of one S3
key, those that are older than the newest seen take none. The version that a turn writes is named by the turn and by
where the change came from, so that no version ever repeats.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from rag.models import EVERYONE, NOBODY, Metadata

Status = Literal["pending", "indexing", "ready", "failed", "deleted"]
Verdict = Literal["taken", "resumed", "done", "superseded", "claimed elsewhere"]

_SEQUENCER_DIGITS: Final = 64  # they are hexadecimal, of differing lengths: padded on the left they compare as text


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a change comes from. `sequencer` is S3's, empty for what comes by hand or in bulk."""

    name: str
    key: str = ""
    sequencer: str = ""

    @classmethod
    def event(cls, key: str, sequencer: str) -> "Origin":
        """Return the origin of an S3 event."""
        return cls(f"{key}@{sequencer}", key, sequencer)


@dataclass(frozen=True, slots=True)
class LiveVersion:
    """What a reader may see of a document: one version, and who may see it."""

    version: str
    readers: tuple[str, ...]

    def admits(self, readers: tuple[str, ...]) -> bool:
        """Tell whether one who reads as these may see it."""
        return not set(self.readers).isdisjoint(readers)


@dataclass(frozen=True, slots=True)
class Registration:
    """An entry of the registry. `status` tells of the latest change, `live_version` what readers see meanwhile."""

    tenant: str
    document_id: str
    revision: int = 0  # of the stored entry; 0 where none is stored
    turn: int = 0
    origin: str = ""  # of the change that took the turn
    seen: Mapping[str, str] = field(default_factory=dict)  # the newest sequencer of each object key
    status: Status = "pending"
    error: str = ""
    source: str = ""  # the file below the tenant that holds it; several records share theirs
    key: str = ""  # of the object
    live_version: str = ""  # empty where readers see nothing
    versions: Mapping[str, int] = field(default_factory=dict)  # chunks of each version that the index may hold
    content_hash: str = ""  # of the live version
    title: str = ""
    format: str = ""
    size: int = 0  # bytes
    stripped: int = 0  # invisible characters that were taken out
    groups: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    hidden: bool = False  # until a sidecar has spoken for it
    indexed_attributes: str = ""  # the attributes that the live version's chunks carry in the index
    generation: str = ""  # of a record: the version of its file that it was last seen in
    created_at: str = ""
    updated_at: str = ""

    @property
    def version(self) -> str:
        """The version that the present turn writes."""
        return f"{self.turn}-{hashlib.sha256(self.origin.encode()).hexdigest()[:12]}"

    @property
    def chunks(self) -> int:
        """Chunks of the live version."""
        return self.versions.get(self.live_version, 0)

    @property
    def readers(self) -> tuple[str, ...]:
        """Groups that may read it, or everyone in the tenant, or nobody."""
        return (NOBODY,) if self.hidden else self.groups or (EVERYONE,)

    @property
    def attributes(self) -> str:
        """A digest of what its chunks must carry in the index besides their text."""
        described = json.dumps([self.readers, dict(self.metadata)], sort_keys=True)
        return hashlib.sha256(described.encode()).hexdigest()[:16]

    @property
    def unreaped(self) -> dict[str, int]:
        """The versions that nobody needs any more, with their chunks: all but the live and the one being written."""
        writing = self.version if self.status in ("indexing", "failed") else ""
        return {name: count for name, count in self.versions.items() if name not in (self.live_version, writing)}

    def live(self) -> LiveVersion | None:
        """Return what readers may see, or None."""
        return LiveVersion(self.live_version, self.readers) if self.live_version else None


@dataclass(frozen=True, slots=True)
class Claim:
    """The answer to a change: the entry as it is to be stored, and whether the change goes on."""

    verdict: Verdict
    entry: Registration

    @property
    def granted(self) -> bool:
        """Whether the change has the turn."""
        return self.verdict in ("taken", "resumed")


def claim(entry: Registration, origin: Origin, source: str, key: str, now: str) -> Claim:
    """Give a change its turn, unless it is older than one that had its turn before."""
    if entry.status != "deleted" and entry.source not in ("", source):
        return Claim("claimed elsewhere", entry)
    if entry.origin == origin.name:
        if entry.status in ("ready", "deleted"):
            return Claim("done", entry)
        return Claim("resumed", replace(entry, status="indexing", error="", updated_at=now))
    if is_outdated(entry, origin):
        return Claim("superseded", entry)
    taken = replace(
        entry,
        turn=entry.turn + 1,
        origin=origin.name,
        seen=_with_seen(entry, origin),
        status="indexing",
        error="",
        source=source,
        key=key,
        created_at=entry.created_at or now,
        updated_at=now,
    )
    return Claim("taken", taken)


def is_outdated(entry: Registration, origin: Origin) -> bool:
    """Tell whether an event is no newer than the newest seen of its key."""
    return bool(origin.sequencer) and _padded(origin.sequencer) <= _padded(entry.seen.get(origin.key, ""))


def registered(entry: Registration, turn: int, chunks: int) -> Registration | None:
    """Note how many chunks the turn's version has, before any is written; None if the turn is over."""
    if entry.turn != turn or entry.status == "deleted":
        return None
    count = max(chunks, entry.versions.get(entry.version, 0))
    return replace(entry, versions={**entry.versions, entry.version: count})


def published(entry: Registration, turn: int, content_hash: str, attributes: str, now: str) -> Registration | None:
    """Make the turn's version the live one; None if the turn is over. The index carries these attributes for it."""
    if entry.turn != turn or entry.status == "deleted" or entry.version not in entry.versions:
        return None
    return replace(
        entry,
        status="ready",
        error="",
        live_version=entry.version,
        content_hash=content_hash,
        indexed_attributes=attributes,
        updated_at=now,
    )


def unchanged(entry: Registration, now: str) -> Registration:
    """End the present turn without a new version, because the live one has this content."""
    return replace(entry, status="ready", error="", updated_at=now)


def failed(entry: Registration, turn: int, reason: str, now: str) -> Registration | None:
    """End the turn with a reason that a person can act on; the live version stays. None if the turn is over."""
    if entry.turn != turn or entry.status not in ("pending", "indexing", "failed"):
        return None
    return replace(entry, status="failed", error=reason, updated_at=now)


def deleted(entry: Registration, now: str) -> Registration:
    """End the present turn with the document gone for its readers; what described it goes as well."""
    return replace(
        entry,
        status="deleted",
        error="",
        live_version="",
        content_hash="",
        title="",
        metadata={},
        indexed_attributes="",
        updated_at=now,
    )


def described(
    entry: Registration, origin: Origin, groups: tuple[str, ...], metadata: Metadata, now: str
) -> Registration | None:
    """Take up what a sidecar says, which may arrive before its document; None if it is older than what was seen."""
    if is_outdated(entry, origin):
        return None
    return replace(
        entry,
        seen=_with_seen(entry, origin),
        groups=groups,
        metadata=metadata,
        hidden=False,
        created_at=entry.created_at or now,
        updated_at=now,
    )


def reaped(entry: Registration, versions: Mapping[str, int]) -> Registration:
    """Forget versions of which the index holds nothing any more; those that are still needed are kept."""
    gone = {name for name in versions if name in entry.unreaped}
    return replace(entry, versions={name: count for name, count in entry.versions.items() if name not in gone})


def _with_seen(entry: Registration, origin: Origin) -> Mapping[str, str]:
    return {**entry.seen, origin.key: origin.sequencer} if origin.sequencer else entry.seen


def _padded(sequencer: str) -> str:
    return sequencer.upper().rjust(_SEQUENCER_DIGITS, "0")
