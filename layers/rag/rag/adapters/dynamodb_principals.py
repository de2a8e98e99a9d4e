"""DynamoDB adapter for the Principals port: callers that bring no claims, as `rag principals` notes them."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from rag.adapters.dynamodb_table import QUERY_TIMEOUT_SECONDS, Table
from rag.contract import Tenant
from rag.errors import InternalError, MalformedResponse
from rag.http.callers import Caller, stored_groups
from rag.models import Principal

DESCRIBED: Final = "The table of principals"
ACCESS: Final = "dynamodb:GetItem, and for rag principals PutItem, DeleteItem and Scan"
COUNTS: Final = "count/"  # what the keys of the table's counts begin with


class DynamoPrincipals:
    """The callers of one table. Each request has `timeout_seconds`.

    Raises:
        UpstreamThrottled, UpstreamUnavailable: worth another attempt.
        PermanentError: the table is missing, the role may not use it, or it holds what is no caller.
    """

    def __init__(self, table: str, *, timeout_seconds: float = QUERY_TIMEOUT_SECONDS, client: Any = None) -> None:
        self._table = Table(table, timeout_seconds=timeout_seconds, client=client, described=DESCRIBED, access=ACCESS)

    def find(self, caller_id: str) -> Caller | None:
        """Return the caller, read consistently: what was taken from one is gone at once."""
        answer: Mapping[str, Any] = self._table.ask("get_item", Key=_key(caller_id), ConsistentRead=True)
        return _to_caller(answer["Item"]) if "Item" in answer else None

    def store(self, caller: Caller) -> None:
        """Note who a caller is, whoever it was before."""
        self._table.ask(
            "put_item",
            Item={
                **_key(caller.id),
                "tenant": {"S": caller.principal.tenant},
                "groups": {"S": msgspec.json.encode(sorted(caller.principal.groups)).decode()},
                "writer": {"BOOL": caller.writer},
            },
        )

    def remove(self, caller_id: str) -> bool:
        """Forget a caller; return whether it was known."""
        answer: Mapping[str, Any] = self._table.ask("delete_item", Key=_key(caller_id), ReturnValues="ALL_OLD")
        return "Attributes" in answer

    def all(self) -> Iterator[Caller]:
        """Return the callers, in no order."""
        more: dict[str, Any] = {}
        while True:
            page = self._table.ask(
                "scan",
                FilterExpression="NOT begins_with(caller, :counts)",
                ExpressionAttributeValues={":counts": {"S": COUNTS}},
                **more,
            )
            if "Items" not in page:
                raise MalformedResponse(f"{DESCRIBED} answered something that AWS never should.")
            yield from map(_to_caller, page["Items"])
            if not page.get("LastEvaluatedKey"):
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def _key(caller_id: str) -> dict[str, Any]:
    return {"caller": {"S": caller_id}}


def _to_caller(item: Mapping[str, Any]) -> Caller:
    try:
        tenant = msgspec.convert(item["tenant"]["S"], Tenant)
        principal = Principal(tenant, stored_groups(item["groups"]["S"]))
        writer = item["writer"]["BOOL"]
        return Caller(item["caller"]["S"], principal, writer is True)
    except (KeyError, TypeError, ValueError):
        raise InternalError(f"{DESCRIBED} holds an item that is no caller: set it again with rag principals.") from None
