"""DynamoDB adapter for the Catalogue port: the registry's documents in the order of their ids."""

from collections.abc import Iterator
from typing import Any, Final

from rag.adapters.dynamodb_table import INGESTION_TIMEOUT_SECONDS, Table
from rag.adapters.registry_items import key_of, to_entry
from rag.errors import MalformedResponse
from rag.registration import Registration

_MOST: Final = 2_000  # entries of a request; DynamoDB ends one at 1 MB


class DynamoCatalogue:
    """The documents of one registry, a page of DynamoDB's at a time. Each request has `timeout_seconds`.

    Raises:
        UpstreamThrottled, UpstreamUnavailable: worth another attempt.
        PermanentError: the table is missing, the role may not use it, or it holds what is no entry.
    """

    def __init__(self, table: str, *, timeout_seconds: float = INGESTION_TIMEOUT_SECONDS, client: Any = None) -> None:
        self._table = Table(table, timeout_seconds=timeout_seconds, client=client)

    def after(self, tenant: str, document_id: str, prefix: str, wanted: int) -> Iterator[Registration]:
        """Return the tenant's entries whose ids begin with a prefix, those behind an id, read consistently.

        The first request reads twice what is wanted, each one after it twice as much as the one before: whoever takes
        that many passes most of them over.
        """
        whole = key_of("document", tenant, prefix)
        condition, values = "pk = :pk", {":pk": whole["pk"]}
        if prefix:
            condition, values = f"{condition} AND begins_with(sk, :prefix)", {**values, ":prefix": whole["sk"]}
        more = {"ExclusiveStartKey": key_of("document", tenant, document_id)} if document_id else {}
        limit = 2 * wanted
        while True:
            page = self._table.ask(
                "query",
                Limit=min(limit, _MOST),
                KeyConditionExpression=condition,
                ExpressionAttributeValues=values,
                ConsistentRead=True,
                **more,
            )
            if "Items" not in page:
                raise MalformedResponse("The document registry answered something that AWS never should.")
            yield from map(to_entry, page["Items"])
            if not page.get("LastEvaluatedKey"):
                return
            more, limit = {"ExclusiveStartKey": page["LastEvaluatedKey"]}, 2 * limit
