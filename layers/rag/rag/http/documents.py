"""What an API caller may see of its tenant's documents: by the registry's groups, as a search does."""

import base64
import binascii
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Annotated, Any, Final, Protocol, cast, get_args

import msgspec
from msgspec import Meta

from rag.errors import InvalidRequest, NotFound, UpstreamTimedOut
from rag.http.callers import Caller
from rag.http.exchange import HttpRequest, HttpResponse
from rag.identity import MAX_ID_BYTES
from rag.models import Principal
from rag.ports import Registry
from rag.registration import Registration, Status

LIMIT: Final = 50  # documents of a page where the caller does not say
MOST: Final = 100
SECONDS: Final = 20.0  # that a page may take

_PARAMETERS: Final = frozenset({"prefix", "status", "limit", "next"})
_UNKNOWN_PARAMETER: Final = "The query string may hold prefix, status, limit and next, and nothing else."
_BAD_LIMIT: Final = f"limit must be an integer from 1 to {MOST}."
_BAD_STATUS: Final = "status must be pending, indexing, ready, failed or deleted."
_BAD_PREFIX: Final = f"prefix must be at most {MAX_ID_BYTES:,} bytes of valid Unicode."
_BAD_NEXT: Final = "next must be what the page before said, with the same prefix."
_TOO_MANY: Final = "The tenant has too many documents to look through: ask for a prefix."
_NO_DOCUMENT: Final = "There is no document with this id."


class Catalogue(Protocol):
    """The registry's entries of documents, in the order of their ids."""

    def after(self, tenant: str, document_id: str, prefix: str, wanted: int) -> Iterable[Registration]:
        """Return the tenant's entries whose ids begin with a prefix, those behind an id; an empty one is before all.

        They are read as they are taken, in portions that suit somebody who wants so many of them.

        Raises:
            TransientError: worth another attempt.
        """
        ...


class _Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a page ended: a document that its reader was shown."""

    tenant: str
    after: Annotated[str, Meta(min_length=1)]


@dataclass(frozen=True, slots=True)
class Page:
    """What a page is asked for."""

    prefix: str
    status: Status | None
    limit: int
    after: str

    @classmethod
    def of(cls, request: HttpRequest, tenant: str) -> "Page":
        """Return what a query string asks for.

        Raises:
            InvalidRequest: it is malformed.
        """
        query = request.query
        if set(query) - _PARAMETERS:
            raise InvalidRequest(_UNKNOWN_PARAMETER)
        status = query.get("status")
        if status is not None and status not in get_args(Status):
            raise InvalidRequest(_BAD_STATUS)
        limit = query.get("limit", str(LIMIT))
        if not (limit.isascii() and limit.isdigit() and len(limit) <= len(str(MOST)) and 1 <= int(limit) <= MOST):
            raise InvalidRequest(_BAD_LIMIT)
        prefix = query.get("prefix", "")
        if not _is_key(prefix):
            raise InvalidRequest(_BAD_PREFIX)
        after = _opened(query["next"], tenant, prefix) if "next" in query else ""
        return cls(prefix, cast("Status | None", status), int(limit), after)

    def wants(self, entry: Registration) -> bool:
        """Tell whether an entry is asked for; deleted ones are only by their status."""
        return entry.status == self.status if self.status else entry.status != "deleted"


@dataclass(frozen=True, slots=True)
class ListDocuments:
    """Lists documents, records included, a page at a time."""

    catalogue: Catalogue
    clock: Callable[[], float] = time.monotonic

    def __call__(self, caller: Caller, request: HttpRequest) -> HttpResponse:
        """Return a page, and what to ask for the next one with: null at the end.

        Nothing tells of documents that the caller may not see, not even how many there are.

        Raises:
            InvalidRequest: the query string is malformed.
            UpstreamTimedOut: too many documents were passed over for so few that the caller may see.
            TransientError: the registry could not be read.
        """
        tenant = caller.principal.tenant
        page = Page.of(request, tenant)
        found = self._visible(caller.principal, page)
        shown = list(islice(found, page.limit))
        more = len(shown) == page.limit and next(found, None) is not None
        following = _sealed(tenant, shown[-1].document_id) if more else None
        return HttpResponse(200, {"documents": [listed(entry, caller) for entry in shown], "next": following})

    def _visible(self, principal: Principal, page: Page) -> Iterator[Registration]:
        until = self.clock() + SECONDS
        for entry in self.catalogue.after(principal.tenant, page.after, page.prefix, page.limit + 1):
            if self.clock() > until:  # a page that ended here would tell how many were passed over
                raise UpstreamTimedOut(_TOO_MANY)
            if page.wants(entry) and may_see(principal, entry):
                yield entry


@dataclass(frozen=True, slots=True)
class ShowDocument:
    """Shows one document, or a file of records."""

    registry: Registry
    files: Registry

    def __call__(self, caller: Caller, request: HttpRequest) -> HttpResponse:
        """Return what the registry knows of it.

        Raises:
            NotFound: there is none, or the caller may not see it.
            InvalidRequest: the path is malformed.
            TransientError: the registry could not be read.
        """
        tenant, document_id = caller.principal.tenant, request.path_parameter("document_id")
        if _is_key(document_id):
            for registry in (self.registry, self.files):
                entry = registry.load(tenant, [document_id])[document_id]
                if may_see(caller.principal, entry):
                    return HttpResponse(200, detailed(entry, caller))
        raise NotFound(_NO_DOCUMENT)


def may_see(principal: Principal, entry: Registration) -> bool:
    """Tell whether an entry is of a document that the principal may read; a hidden one nobody may."""
    return entry.revision > 0 and entry.tenant == principal.tenant and may_read(principal, entry)


def may_read(principal: Principal, entry: Registration) -> bool:
    """Tell whether the principal is among the readers of an entry."""
    return not set(entry.readers).isdisjoint(principal.readers)


def listed(entry: Registration, caller: Caller) -> dict[str, Any]:
    """Return what a list says of a document. A reader learns of its groups those that are its own, a writer all."""
    groups = entry.groups if caller.writer else set(entry.groups) & set(caller.principal.groups)
    return {
        "document_id": entry.document_id,
        "status": entry.status,
        "error": entry.error or None,
        "title": entry.title,
        "format": entry.format,
        "size": entry.size,
        "chunks": entry.chunks,
        "source": entry.source,
        "groups": sorted(groups),
        "updated_at": entry.updated_at,
    }


def detailed(entry: Registration, caller: Caller) -> dict[str, Any]:
    """Return all that a caller is told of one document."""
    return {**listed(entry, caller), "metadata": dict(entry.metadata), "created_at": entry.created_at}


def _is_key(text: str) -> bool:
    """Tell whether a document's id could be, or begin with, this."""
    try:
        return len(text.encode()) <= MAX_ID_BYTES
    except UnicodeEncodeError:
        return False


def _sealed(tenant: str, after: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode(_Cursor(tenant, after))).decode().rstrip("=")


def _opened(token: str, tenant: str, prefix: str) -> str:
    try:
        decoded = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(decoded, type=_Cursor)
    except (binascii.Error, ValueError, RecursionError):
        raise InvalidRequest(_BAD_NEXT) from None
    if cursor.tenant != tenant or not cursor.after.startswith(prefix) or not _is_key(cursor.after):
        raise InvalidRequest(_BAD_NEXT)
    return cursor.after
