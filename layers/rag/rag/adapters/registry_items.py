"""The registry's items in DynamoDB.

An entry is one JSON attribute, so that its type is its schema, and one field more is no change of the table. What
DynamoDB must see of an entry stands beside it as attributes of their own: the keys, the revision that writers compare,
and the two that the query path reads, which would otherwise fetch and decode whole entries for every question.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from rag.errors import InternalError
from rag.registration import LiveVersion, Registration

Family = Literal["document", "file"]

TENANTS: Final = "tenants"
BY_SOURCE: Final = "by_source"  # the index that finds the records of a file
MAX_ENTRY_BYTES: Final = 380_000  # of DynamoDB's 400 KB an item
TOMBSTONE_SECONDS: Final = 90 * 86_400  # events of a deleted document are ordered for so long

# Projected under other names, since DynamoDB reserves hundreds of words.
LIVE_PROJECTION: Final = {
    "ProjectionExpression": "#sk, #live_version, #readers",
    "ExpressionAttributeNames": {"#sk": "sk", "#live_version": "live_version", "#readers": "readers"},
}

_ENTRY: Final = msgspec.json.Decoder(Registration)


def key_of(family: Family, tenant: str, document_id: str) -> dict[str, Any]:
    """Return the key of an entry's item."""
    return {"pk": {"S": f"{family}#{tenant}"}, "sk": {"S": document_id}}


def source_key(tenant: str, source: str) -> str:
    """Return the index key of a file's records."""
    return f"{tenant}#{source}"


def to_item(entry: Registration, family: Family, now: float) -> dict[str, Any]:
    """Return an entry as an item. A deleted document of which the index holds nothing expires, unless it guards groups.

    Without them, a document that is uploaded again under its id, and without a sidecar, would come up open. A file's
    entry stays, since its records are ordered by its turns.

    Raises:
        InternalError: it is larger than DynamoDB takes.
    """
    encoded = msgspec.json.encode(entry)
    if len(encoded) > MAX_ENTRY_BYTES:
        raise InternalError(
            "An entry of the registry outgrew its table, which too many unreaped versions do: reap them."
        )
    item: dict[str, Any] = {
        **key_of(family, entry.tenant, entry.document_id),
        "revision": {"N": str(entry.revision)},
        "status": {"S": entry.status},
        "entry": {"S": encoded.decode()},
    }
    if live := entry.live():
        item |= {"live_version": {"S": live.version}, "readers": {"L": [{"S": reader} for reader in live.readers]}}
    if entry.source not in ("", entry.document_id):
        item["source_pk"] = {"S": source_key(entry.tenant, entry.source)}
    if family == "document" and entry.status == "deleted" and not (entry.versions or entry.groups):
        item["expires_at"] = {"N": str(int(now) + TOMBSTONE_SECONDS)}
    return item


def to_entry(item: Mapping[str, Any]) -> Registration:
    """Return the entry of an item.

    Raises:
        InternalError: it is none.
    """
    try:
        return _ENTRY.decode(item["entry"]["S"])
    except (KeyError, TypeError, msgspec.DecodeError):
        raise InternalError("An entry of the registry cannot be read: somebody else has written it.") from None


def to_live(item: Mapping[str, Any]) -> tuple[str, LiveVersion] | None:
    """Return an item's document id and what readers may see, or None where they may see nothing.

    Raises:
        InternalError: it is no entry.
    """
    if "live_version" not in item:
        return None
    try:
        readers = tuple(reader["S"] for reader in item["readers"]["L"])
        return item["sk"]["S"], LiveVersion(item["live_version"]["S"], readers)
    except (KeyError, TypeError):
        raise InternalError("An entry of the registry cannot be read: somebody else has written it.") from None
