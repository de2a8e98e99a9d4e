"""What may start an ingestion: an S3 event, a change by hand, or an item of a bulk run. Anything else is refused."""

from dataclasses import replace
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from rag.contract import Contract, Tenant
from rag.errors import InvalidRequest
from rag.identity import MAX_ID_BYTES
from rag.ingestion.contracts import RunName, Work
from rag.objects import BULK, STAGING, WATCHED, DocumentKey, ObjectInfo
from rag.registration import Origin

MALFORMED: Final = "The input must be an S3 event of EventBridge, a change by hand, or an item of a run."

_NO_TENANT: Final = "none"  # whose work nobody does

Action = Literal["ingest", "delete", "reindex"]
_Name = Annotated[str, Meta(max_length=MAX_ID_BYTES)]  # of a document, or of an object


class Stored(msgspec.Struct, frozen=True):
    """An object was put. Which one is current now, the bucket tells."""

    key: DocumentKey
    sequencer: str
    version_id: str
    etag: str

    @property
    def origin(self) -> Origin:
        """Where the change comes from."""
        return Origin.event(self.key.key, self.sequencer)

    def is_of(self, info: ObjectInfo) -> bool:
        """Tell whether the event is of this object; one that says neither its version nor its etag may be."""
        if self.version_id and info.version_id:
            return self.version_id == info.version_id
        return self.etag in ("", info.etag)


class Removed(msgspec.Struct, frozen=True):
    """An object was deleted, or only a version of it, for good: the version before is current then, if there is one."""

    key: DocumentKey
    sequencer: str
    for_good: bool = False

    @property
    def origin(self) -> Origin:
        """Where the change comes from."""
        return Origin.event(self.key.key, self.sequencer)


class ByHand(Contract, frozen=True, kw_only=True):
    """Somebody asks for one document, or for a file of records, by its id."""

    tenant: Tenant
    document_id: _Name
    action: Action

    def origin(self, trace_id: str) -> Origin:
        """Where the change comes from."""
        return Origin(f"{self.action} by hand {trace_id}")


class ListedObject(Contract, frozen=True, kw_only=True):
    """An object of a run. `sidecar` tells whether it has one."""

    key: _Name
    size: int
    etag: str
    sidecar: bool = False


class ObjectsItem(Contract, frozen=True, kw_only=True):
    """Files of a run that travel together."""

    run: RunName
    number: int
    tenant: Tenant
    objects: list[ListedObject]


class RecordRange(Contract, frozen=True, kw_only=True):
    """Bytes of a JSONL file, from the start of a line to the end of one, in one generation of the file."""

    key: _Name
    etag: str
    start: int
    end: int
    generation: str


class RecordsItem(Contract, frozen=True, kw_only=True):
    """A part of a JSONL file in a run."""

    run: RunName
    number: int
    tenant: Tenant
    records: RecordRange


class CopiedDocuments(Contract, frozen=True, kw_only=True):
    """Documents that another collection is to hold as well."""

    documents: list[str]


class CopyItem(Contract, frozen=True, kw_only=True):
    """Documents of a run that fills another collection."""

    run: RunName
    number: int
    tenant: Tenant
    copy: CopiedDocuments


class Ignored(msgspec.Struct, frozen=True):
    """An event that is none of ingestion's business."""


Change = Stored | Removed | ByHand | ObjectsItem | RecordsItem | CopyItem | Ignored


def is_record_file(path: str) -> bool:
    """Tell whether a file holds one document a line."""
    return path.lower().endswith(".jsonl")


def work_of(change: Change, trace_id: str) -> Work:
    """Return the work of a change: where all about it is staged."""
    match change:
        case ObjectsItem() | RecordsItem() | CopyItem():
            prefix = f"{STAGING}{change.tenant}/{change.run}-{change.number}"
            return Work(tenant=change.tenant, prefix=prefix, run=change.run, number=change.number)
        case Stored() | Removed():
            tenant = change.key.tenant
        case ByHand():
            tenant = change.tenant
        case _:
            tenant = _NO_TENANT
    return Work(tenant=tenant, prefix=f"{STAGING}{tenant}/{trace_id}")


def run_origin(run: str, key: str) -> Origin:
    """Return the origin of a change that a bulk run makes to the document, or the file of records, at a key."""
    return Origin(f"{run}:{key}")


class _Bucket(msgspec.Struct):
    name: str


class _Object(msgspec.Struct):
    key: str
    sequencer: str = ""
    version_id: str = msgspec.field(default="", name="version-id")
    etag: str = ""
    e_tag: str = msgspec.field(default="", name="eTag")  # as moto has it


class _Detail(msgspec.Struct):
    bucket: _Bucket
    object: _Object
    deletion_type: str = msgspec.field(default="", name="deletion-type")


class _Event(msgspec.Struct):
    type: Literal["Object Created", "Object Deleted"] = msgspec.field(name="detail-type")
    detail: _Detail


def parse_change(value: dict[str, Any], bucket: str | None = None) -> Change:
    """Return what the input of an ingestion asks for; where a `bucket` is given, events of others are ignored.

    Raises:
        InvalidRequest: it fits none of the forms, or the tenant in an object's key is not one.
    """
    if "detail-type" in value:
        return _event(value, bucket)
    for name, form in (("action", ByHand), ("objects", ObjectsItem), ("records", RecordsItem), ("copy", CopyItem)):
        if name in value:
            return _parsed(value, form)
    raise InvalidRequest(MALFORMED)


def document_key(key: str) -> DocumentKey | None:
    """Return what a key says, or None where it is of no document: a folder, a sidecar's sidecar, or in no area.

    Raises:
        InvalidRequest: its tenant is not one.
    """
    parsed = DocumentKey.parse(key)
    if parsed is None or parsed.path.endswith("/"):
        return None
    if parsed.is_sidecar and replace(parsed, path=parsed.document_path).is_sidecar:
        return None
    try:
        msgspec.convert(parsed.tenant, Tenant)
    except msgspec.ValidationError:
        raise InvalidRequest(
            "The part of the object's key that names the tenant must be 1 to 63 lower-case letters, digits and hyphens,"
            " the first of them no hyphen. Upload it under another key."
        ) from None
    return parsed


def _event(value: dict[str, Any], bucket: str | None) -> Change:
    try:
        event = msgspec.convert(value, _Event)
    except msgspec.ValidationError:
        raise InvalidRequest(MALFORMED) from None
    stored = event.detail.object
    areas = (WATCHED, BULK) if event.type == "Object Deleted" else (WATCHED,)  # what is put below bulk/ awaits its run
    if bucket not in (None, event.detail.bucket.name) or not stored.key.startswith(areas):
        return Ignored()
    if not stored.sequencer:
        raise InvalidRequest("The S3 event has no sequencer, so its place in the order of events is not known.")
    key = document_key(stored.key)
    if key is None:
        return Ignored()
    if event.type == "Object Deleted":
        return Removed(key, stored.sequencer, event.detail.deletion_type == "Permanently Deleted")
    return Stored(key, stored.sequencer, stored.version_id, (stored.etag or stored.e_tag).strip('"'))


def _parsed(value: dict[str, Any], form: type[ByHand | ObjectsItem | RecordsItem | CopyItem]) -> Change:
    try:
        return msgspec.convert(value, form)
    except msgspec.ValidationError:
        raise InvalidRequest(MALFORMED) from None
