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

_RECENT: Final = 16  # deliveries by hand that are told from new ones; a late second delivery comes within minutes


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

    @property
    def digest(self) -> str:
        """The name, shortened."""
        return _digest(self.name)


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
    recent: tuple[str, ...] = ()  # digests of the latest origins that had a turn and no sequencer
    status: Status = "pending"
    error: str = ""
    source: str = ""  # the file below the tenant that holds it; several records share theirs
    key: str = ""  # of the object
    object_version: str = ""  # of the object that the turn reads: its version id, or its etag where it has none
    live_version: str = ""  # empty where readers see nothing
    versions: Mapping[str, int] = field(default_factory=dict)  # chunks of each version that the index may hold
    content_hash: str = ""  # of the live version
    title: str = ""
    format: str = ""
    size: int = 0  # bytes
    stripped: int = 0  # invisible characters that were taken out
    groups: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    hidden: bool = False  # until a sidecar has named its groups
    spoken_for: bool = False  # by a sidecar that names its groups, until it is deleted
    indexed_attributes: str = ""  # the attributes that the live version's chunks carry in the index
    generation: str = ""  # the version of its file that a record was last seen in; of a file, that last read to its end
    created_at: str = ""
    updated_at: str = ""

    @property
    def version(self) -> str:
        """The version that the present turn writes."""
        return f"{self.turn}-{_digest(self.origin)}"

    @property
    def chunks(self) -> int:
        """Chunks of the live version."""
        return self.versions.get(self.live_version, 0)

    @property
    def is_new(self) -> bool:
        """Whether its life has not begun, and no sidecar has named its groups: one without any may have been noted."""
        return (not self.turn or self.status == "deleted") and not self.spoken_for

    @property
    def readers(self) -> tuple[str, ...]:
        """Groups that may read it, or everyone in the tenant, or nobody."""
        return (NOBODY,) if self.hidden else self.groups or (EVERYONE,)

    @property
    def attributes(self) -> str:
        """A digest of what its chunks must carry in the index besides their text."""
        metadata = {name: float(value) if type(value) is int else value for name, value in self.metadata.items()}
        described = json.dumps([self.readers, metadata], sort_keys=True)  # 5 and 5.0 are one number, however stored
        return hashlib.sha256(described.encode()).hexdigest()[:16]

    @property
    def needed(self) -> tuple[str, ...]:
        """The versions that the index has to hold: the live one, and the one that the present turn writes."""
        writing = self.version if self.status in ("indexing", "failed") else ""
        return tuple(version for version in (self.live_version, writing) if version)

    @property
    def unreaped(self) -> dict[str, int]:
        """The versions that nobody needs any more, with their chunks."""
        return {name: count for name, count in self.versions.items() if name not in self.needed}

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


def claim(entry: Registration, origin: Origin, source: str, key: str, now: str, *, object_version: str = "") -> Claim:
    """Give a change its turn, unless it is older than one that had its turn before.

    `object_version` tells whoever uploaded an object that this turn is about it.
    """
    if entry.status != "deleted" and entry.source not in ("", source):
        return Claim("claimed elsewhere", entry)
    if entry.turn and entry.origin == origin.name:
        if entry.status in ("ready", "deleted"):
            return Claim("done", entry)
        read = object_version or entry.object_version
        return Claim("resumed", replace(entry, status="indexing", error="", object_version=read, updated_at=now))
    if is_outdated(entry, origin) or (not origin.sequencer and origin.digest in entry.recent):
        return Claim("superseded", entry)
    taken = replace(
        entry,
        turn=entry.turn + 1,
        origin=origin.name,
        seen=_with_seen(entry, origin),
        recent=entry.recent if origin.sequencer else (*entry.recent, origin.digest)[-_RECENT:],
        status="indexing",
        error="",
        source=source,
        key=key,
        object_version=object_version,
        created_at=entry.created_at or now,
        updated_at=now,
    )
    return Claim("taken", taken)


def is_outdated(entry: Registration, origin: Origin) -> bool:
    """Tell whether an event is no newer than the newest seen of its key."""
    seen = entry.seen.get(origin.key)
    return bool(origin.sequencer) and seen is not None and _order(origin.sequencer) <= _order(seen)


def noticed(entry: Registration, origin: Origin) -> Registration | None:
    """Note an event that is none of the entry's business but orders later ones; None if it is no newer than those."""
    return None if is_outdated(entry, origin) else replace(entry, seen=_with_seen(entry, origin))


def registered(entry: Registration, turn: int, chunks: int) -> Registration | None:
    """Note how many chunks the turn's version has, before any is written; None if the turn is over."""
    if entry.turn != turn or entry.status == "deleted":
        return None
    count = max(chunks, entry.versions.get(entry.version, 0))
    return replace(entry, versions={**entry.versions, entry.version: count})


def published(
    entry: Registration, turn: int, content_hash: str, attributes: str, now: str, *, chunks: int | None = None
) -> Registration | None:
    """Make the turn's version the live one; None if the turn is over. The index carries these attributes for it.

    `chunks` is its number of chunks, where an earlier attempt, that cut otherwise, had registered more.
    """
    if entry.turn != turn or entry.status == "deleted" or entry.version not in entry.versions:
        return None
    return replace(
        entry,
        status="ready",
        error="",
        live_version=entry.version,
        versions=entry.versions if chunks is None else {**entry.versions, entry.version: chunks},
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
    """End the present turn with the document gone for its readers; what described it goes as well.

    Its groups stay, so that a later document with this id is open to no more. Where sidecars are required, that one
    waits for its own.
    """
    return replace(
        entry,
        status="deleted",
        error="",
        live_version="",
        content_hash="",
        title="",
        metadata={},
        spoken_for=False,
        indexed_attributes="",
        updated_at=now,
    )


def described(
    entry: Registration, origin: Origin, groups: tuple[str, ...] | None, metadata: Metadata, now: str
) -> Registration | None:
    """Take up what a sidecar says, which may arrive before its document; None if a newer one has spoken.

    Where `groups` is None, it says nothing of them: who may read stays as it was, and a hidden document hidden.
    The same event may come again, after an attempt that broke off before the index followed. One without a sequencer
    is as new as the sidecar was when it was read: load the entry first, then read the sidecar, and read it again when
    storing fails, so that what a newer event has stored is never undone.
    """
    if _has_been_followed(entry, origin):
        return None
    return replace(
        entry,
        seen=_with_seen(entry, origin),
        groups=entry.groups if groups is None else groups,
        metadata=metadata,
        hidden=entry.hidden and groups is None,
        spoken_for=entry.spoken_for or groups is not None,
        created_at=entry.created_at or now,
        updated_at=now,
    )


def misdescribed(entry: Registration, origin: Origin, reason: str, now: str) -> Registration | None:
    """Take up that a sidecar cannot be read: who may read the document stays as it was. None if a newer one has spoken.

    The document counts as failed until it is read again; what readers see of it stays.
    """
    if _has_been_followed(entry, origin):
        return None
    noted = replace(entry, seen=_with_seen(entry, origin), updated_at=now)
    return noted if not entry.turn or entry.status == "deleted" else replace(noted, status="failed", error=reason)


def reaped(entry: Registration, versions: Mapping[str, int]) -> Registration:
    """Forget versions of which the index holds nothing any more; those that are still needed, or grew, are kept."""
    gone = {name for name, count in entry.unreaped.items() if versions.get(name, -1) >= count}
    return replace(entry, versions={name: count for name, count in entry.versions.items() if name not in gone})


def _with_seen(entry: Registration, origin: Origin) -> Mapping[str, str]:
    return {**entry.seen, origin.key: origin.sequencer} if origin.sequencer else entry.seen


def _has_been_followed(entry: Registration, origin: Origin) -> bool:
    seen = entry.seen.get(origin.key)
    return bool(origin.sequencer) and seen is not None and _order(origin.sequencer) < _order(seen)


def _order(sequencer: str) -> tuple[int, str]:
    """Return what sequencers compare by: they are hexadecimal numbers of differing lengths."""
    digits = sequencer.upper().lstrip("0")
    return len(digits), digits


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:12]
