"""What a sidecar says about its document, and how an entry of the registry takes it up."""

from dataclasses import dataclass
from typing import ClassVar, Final

from rag.documents.sidecar import MAX_BYTES, Sidecar, parse_sidecar
from rag.errors import InvalidRequest
from rag.objects import SIDECAR_SUFFIX
from rag.ports import ObjectStore
from rag.registration import Origin, Registration, described

READ: Final = Origin("read beside its document")  # and so as new as it was at that moment


@dataclass(frozen=True, slots=True)
class Unusable:
    """A sidecar that says nothing that can be used, and why."""

    PREFIX: ClassVar[str] = "Its sidecar cannot be used: "

    reason: str


Found = Sidecar | Unusable | None


def find_sidecar(objects: ObjectStore, key: str) -> Found:
    """Return what the sidecar of the object with this key says now, or None where it has none.

    Raises:
        TransientError: the bucket could not be read.
    """
    content = objects.read(key + SIDECAR_SUFFIX, end=MAX_BYTES + 1)
    if content is None:
        return None
    try:
        return parse_sidecar(content.data)
    except InvalidRequest as error:
        return Unusable(f"{Unusable.PREFIX}{error}")


def applied(entry: Registration, sidecar: Sidecar, now: str, origin: Origin = READ) -> Registration:
    """Return the entry with what its sidecar says. Groups of which it says nothing stay as they were."""
    return described(entry, origin, sidecar.groups, sidecar.metadata, now) or entry
