"""What a writer may change: nothing that it could not read. Else writing would be a way to open what is closed.

Whoever overwrites a document, deletes it, or names its groups in a sidecar decides who reads it from then on. Of a file
of records that is true for each record.
"""

from dataclasses import dataclass, replace
from typing import Annotated, ClassVar, Final, Protocol
from uuid import uuid4

from msgspec import Meta

from rag.contract import Contract
from rag.documents.naming import check_id
from rag.errors import InvalidRequest, NotAllowed, NotFound, UnreadableDocument
from rag.http.callers import Caller
from rag.http.documents import may_read
from rag.http.exchange import HttpRequest, HttpResponse
from rag.http.executions import Executions
from rag.identity import MAX_ID_BYTES
from rag.ingestion.changes import is_record_file
from rag.models import Principal
from rag.objects import WATCHED, DocumentKey
from rag.ports import Registry

EXPIRY_SECONDS: Final = 900
DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"

_UNREADABLE: Final = "The caller may not read what it would change."
_NO_DOCUMENT: Final = "There is no document with this id."
_BAD_ID: Final = (
    "document_id must be a path of printable characters, at most 1,024 bytes with the tenant, without empty parts, "
    '".", ".." and "${".'
)
_SIDECARS_SIDECAR: Final = "A metadata file has no metadata file of its own."
_TOO_LARGE: Final = "size must be at most {limit:,} bytes."


@dataclass(frozen=True, slots=True)
class Upload:
    """A form to post a file with: its address, and the fields that go before the file."""

    url: str
    fields: dict[str, str]
    expires_at: int  # seconds since 1970


class Uploads(Protocol):
    """Lets somebody else store one object."""

    def form(self, key: str, size: int, content_type: str, expiry_seconds: int) -> Upload:
        """Return a form for one object of this key, of 1 to `size` bytes.

        Raises:
            PermanentError: there can be none.
        """
        ...


class UploadBody(Contract, frozen=True, kw_only=True):
    """Body of a request for a form to upload with. `size` is in bytes."""

    MALFORMED: ClassVar[str] = (
        "The body must be an object with document_id, a path; size, the bytes of the file, at least 1; and perhaps "
        "content_type, such as text/plain."
    )

    document_id: Annotated[str, Meta(min_length=1, max_length=MAX_ID_BYTES)]
    size: Annotated[int, Meta(ge=1)]
    content_type: Annotated[str, Meta(max_length=200, pattern=r"^[!-~]+/[ -~]+\Z")] = DEFAULT_CONTENT_TYPE


@dataclass(frozen=True, slots=True)
class Grants:
    """Tells what a writer may change."""

    registry: Registry
    files: Registry

    def check(self, principal: Principal, document_id: str) -> bool:
        """Return whether there is anything yet, provided that the principal may read all of it.

        What was deleted guards its groups: a new document of that id is open to no more than the old one was.

        Raises:
            NotAllowed: it may not.
            TransientError: the registry could not be read.
        """
        families = (self.registry, self.files) if is_record_file(document_id) else (self.registry,)
        entries = [family.load(principal.tenant, [document_id])[document_id] for family in families]
        known = [entry for entry in entries if entry.revision]
        if not all(may_read(principal, entry) for entry in known):
            raise NotAllowed(_UNREADABLE)
        if is_record_file(document_id):
            records = self.registry.documents(principal.tenant, source=document_id)
            if not all(may_read(principal, record) for record in records if record.status != "deleted"):
                raise NotAllowed(_UNREADABLE)
        return bool(known)


@dataclass(frozen=True, slots=True)
class DeleteDocument:
    """Has a document, or one record, deleted: at once for readers, then from the index and the bucket."""

    grants: Grants
    ingestions: Executions

    def __call__(self, caller: Caller, request: HttpRequest) -> HttpResponse:
        """Return that the deletion has begun.

        Raises:
            NotAllowed: the caller may not write.
            NotFound: there is none, or the caller may not read it.
            TransientError, PermanentError: the registry, or the state machine's service, cannot be used.
        """
        caller.check_writer()
        principal, document_id = caller.principal, request.path_parameter("document_id")
        if len(document_id.encode()) > MAX_ID_BYTES or not self._granted(principal, document_id):
            raise NotFound(_NO_DOCUMENT)
        self.ingestions.start(uuid4().hex, {"tenant": principal.tenant, "document_id": document_id, "action": "delete"})
        return HttpResponse(202, {"document_id": document_id, "status": "deleting"})

    def _granted(self, principal: Principal, document_id: str) -> bool:
        try:
            return self.grants.check(principal, document_id)
        except NotAllowed:  # a refusal would tell that there is something
            return False


@dataclass(frozen=True, slots=True)
class UploadDocument:
    """Hands out forms to upload documents with, and sidecars, which say who may read a document."""

    grants: Grants
    uploads: Uploads
    max_bytes: int

    def __call__(self, caller: Caller, request: HttpRequest) -> HttpResponse:
        """Return a form for exactly one object, below the caller's tenant.

        Raises:
            InvalidRequest: the body is malformed, or names no document that could be.
            NotAllowed: the caller may not write, or may not read what it would replace or regroup.
            TransientError: the registry could not be read.
        """
        caller.check_writer()
        body = UploadBody.parse(request.json_object())
        key = uploaded_key(caller.principal.tenant, body.document_id)
        if body.size > self.max_bytes:
            raise InvalidRequest(_TOO_LARGE.format(limit=self.max_bytes))
        self.grants.check(caller.principal, key.document_path)
        if key.is_sidecar:
            self.grants.check(caller.principal, key.path)  # a document may be called so as well
        upload = self.uploads.form(key.key, body.size, body.content_type, EXPIRY_SECONDS)
        return HttpResponse(201, {"url": upload.url, "fields": upload.fields, "expires_at": upload.expires_at})


def uploaded_key(tenant: str, document_id: str) -> DocumentKey:
    """Return the key of a document that is uploaded, or of a sidecar.

    `${filename}` in a key is a variable of the form, which S3 would replace with a name of the client's choice.

    Raises:
        InvalidRequest: no document, and no sidecar of one, can have this id.
    """
    try:
        check_id(document_id)
        key = DocumentKey(WATCHED, tenant, document_id)
        if len(key.key.encode()) > MAX_ID_BYTES:
            raise InvalidRequest(_BAD_ID)
    except (UnreadableDocument, UnicodeEncodeError):
        raise InvalidRequest(_BAD_ID) from None
    if "${" in document_id or {"", ".", ".."} & set(document_id.split("/")):
        raise InvalidRequest(_BAD_ID)
    if key.is_sidecar and replace(key, path=key.document_path).is_sidecar:
        raise InvalidRequest(_SIDECARS_SIDECAR)
    return key
