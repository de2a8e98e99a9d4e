"""Files take their turns: each with its sidecar, and none that is too large."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal

from rag.documents.naming import printable
from rag.ingestion.deciding import store_decided
from rag.ingestion.sidecars import Found, Unusable, applied, find_sidecar
from rag.objects import DocumentKey
from rag.ports import ObjectStore, Registry
from rag.registration import Claim, Origin, Registration, claim, failed

UNNAMEABLE: Final = "Its name is blank, or holds control characters or others that do not print. Rename the file."
CLAIMED_ELSEWHERE: Final = "Its id belongs to another file. Rename one of the two."  # all that the registry says of it
GONE: Final = "Its object is no longer in the bucket. Upload the file again."


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that is to be brought to what the bucket holds. `sidecar` tells whether it may have one."""

    document_id: str
    key: str
    origin: Origin
    size: int
    object_version: str
    sidecar: bool = True
    forced: bool = False  # into a new version, also if its content is that of the live one
    alone: bool = False  # in its work, so that new attributes need no new version
    source: str = ""  # the file that it is in, if it is only a record
    missing: Literal["superseded", "failed"] = "superseded"  # what it is if the object is gone or was put anew


def claimed_entry(entry: Registration, change: FileChange, now: str, *, require_sidecar: bool) -> Claim:
    """Give a file's change its turn; where sidecars are required, a file that none has spoken for stays hidden."""
    known = replace(entry, hidden=require_sidecar and (entry.hidden or entry.is_new))
    source = change.source or change.document_id
    return claim(known, change.origin, source, change.key, now, object_version=change.object_version)


def described_entry(
    entry: Registration, change: FileChange, sidecar: Found, now: str, max_bytes: int | None
) -> Registration:
    """Return a claimed entry as its sidecar has it; failed where that is unusable, or its own name or size is.

    One that is too large takes up its sidecar all the same: an older version of it may be live.
    """
    key = DocumentKey.parse(change.key)
    if key is not None and key.unnameable:
        return failed(entry, entry.turn, UNNAMEABLE, now) or entry
    if isinstance(sidecar, Unusable):
        return failed(entry, entry.turn, sidecar.reason, now) or entry
    told = entry if sidecar is None else applied(entry, sidecar, now)
    if max_bytes is not None and change.size > max_bytes:
        return failed(told, told.turn, too_large(max_bytes), now) or told
    return told


@dataclass(frozen=True, slots=True)
class ClaimFile:
    """Takes the turn of a file of records. `max_bytes` is None where the file is read in parts."""

    files: Registry
    objects: ObjectStore
    require_sidecar: bool
    max_bytes: int | None
    clock: Callable[[], str]

    def __call__(self, tenant: str, change: FileChange) -> Claim:
        """Return the file's entry as it is stored then, and how the claim came out.

        Raises:
            TransientError: the registry or the bucket could not be reached.
        """
        claims: list[Claim] = []

        def decide(entry: Registration) -> Registration:
            sidecar = find_sidecar(self.objects, change.key) if change.sidecar else None
            now = self.clock()
            claims.append(claimed_entry(entry, change, now, require_sidecar=self.require_sidecar))
            if not claims[-1].granted:
                return entry
            return described_entry(claims[-1].entry, change, sidecar, now, self.max_bytes)

        loaded = self.files.load(tenant, [change.document_id]).values()
        entry = store_decided(self.files, loaded, decide)[change.document_id]
        return Claim(claims[-1].verdict, entry)


def too_large(max_bytes: int) -> str:
    """Say that a file is larger than one document may be."""
    limit = f"{max_bytes / 1_000_000:g} MB"
    return f"It is larger than the {limit} that one document may have. Split it, or raise MaxDocumentMegabytes."


def claimed_elsewhere(entry: Registration) -> str:
    """Say to operators which file an id belongs to; who may read the one may be kept from the other."""
    return f"Its id belongs to {printable(entry.source)}, which was there first. Rename one of the two."
