"""Documents as the API tells of them, and leave to upload one."""

from collections.abc import Mapping
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

DocumentStatus = Literal["pending", "indexing", "ready", "failed", "deleted"]


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one document. `status` tells of the latest attempt. A list leaves out what has a default."""

    document_id: str
    status: DocumentStatus
    error: str | None
    title: str
    format: str
    size: int
    chunks: int
    source: str
    groups: list[str]
    updated_at: str
    created_at: str | UnsetType = UNSET
    metadata: Mapping[str, str | float | bool] | UnsetType = UNSET


class Documents(msgspec.Struct, frozen=True, kw_only=True):
    """Some documents, and where the next page begins; null where there is none."""

    documents: list[Document]
    next: str | None


class Deletion(msgspec.Struct, frozen=True, kw_only=True):
    """A deletion that has begun: readers see nothing of the document any more."""

    document_id: str
    status: Literal["deleting"]


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A document to upload, of at most `size` bytes."""

    document_id: str
    size: int
    content_type: str | UnsetType = UNSET


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Leave to upload one document: send `fields` and the file as a form to `url`, until then (epoch seconds)."""

    url: str
    fields: Mapping[str, str]
    expires_at: float
