"""DynamoDB adapter for the Registry port."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Any, Final

from rag.adapters.dynamodb_table import (
    INGESTION_TIMEOUT_SECONDS,
    QUERY_TIMEOUT_SECONDS,
    SIDE_BY_SIDE,
    Pause,
    Table,
)
from rag.adapters.registry_items import (
    BY_SOURCE,
    LIVE_PROJECTION,
    TENANTS,
    Family,
    key_of,
    source_key,
    to_entry,
    to_item,
    to_live,
)
from rag.adapters.registry_writing import put_all
from rag.errors import InternalError, MalformedResponse, UpstreamThrottled
from rag.registration import LiveVersion, Registration

__all__ = ["INGESTION_TIMEOUT_SECONDS", "QUERY_TIMEOUT_SECONDS", "DynamoRegistry"]

_READ_BATCH: Final = 100  # keys of one BatchGetItem
_READ_ATTEMPTS: Final = 6  # of one batch; DynamoDB answers in parts when it is busy, and beyond 16 MB

Item = Mapping[str, Any]


class DynamoRegistry:
    """The entries of one family: documents, or the JSONL files that hold records. Each request has `timeout_seconds`.

    Raises:
        UpstreamThrottled, UpstreamUnavailable: worth another attempt.
        PermanentError: the table is missing, the role may not use it, or it holds what is no entry.
    """

    def __init__(
        self,
        table: str,
        family: Family = "document",
        *,
        timeout_seconds: float = INGESTION_TIMEOUT_SECONDS,
        client: Any = None,
        clock: Callable[[], float] = time.time,
        pause: Pause = time.sleep,
    ) -> None:
        self._table = Table(table, timeout_seconds=timeout_seconds, client=client, pause=pause)
        self._family: Family = family
        self._clock = clock
        self._known_tenants: set[str] = set()

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:
        """Return the live version of those documents that have one, read consistently."""
        found = (to_live(item) for item in self._items(tenant, document_ids, LIVE_PROJECTION))
        return dict(live for live in found if live is not None)

    def load(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, Registration]:
        """Return one entry per id, read consistently; an unknown document's entry has revision 0."""
        stored = {entry.document_id: entry for entry in map(to_entry, self._items(tenant, document_ids, {}))}
        return {id_: stored.get(id_) or Registration(tenant, id_) for id_ in document_ids}

    def store(self, entries: Sequence[Registration]) -> Mapping[str, Registration]:
        """Store the entries of one tenant, and return what is stored now of each whose revision was outdated."""
        if not entries:
            return {}
        tenant = entries[0].tenant
        if len({(tenant, entry.document_id) for entry in entries if entry.tenant == tenant}) != len(entries):
            raise InternalError("Entries are stored for one tenant at a time, and each once.")
        now = self._clock()
        items = [to_item(replace(entry, revision=entry.revision + 1), self._family, now) for entry in entries]
        self._note(tenant)
        outdated = [item["sk"]["S"] for item in put_all(self._table, items)]
        return self.load(tenant, outdated)

    def documents(self, tenant: str, *, source: str | None = None) -> Iterator[Registration]:
        """Return the tenant's entries, or those of one source, of which a record may be missing for a moment."""
        if source is None:
            yield from map(to_entry, self._query("pk", f"{self._family}#{tenant}", ConsistentRead=True))
            return
        yield from map(to_entry, self._query("source_pk", source_key(tenant, source), IndexName=BY_SOURCE))
        whole = self.load(tenant, [source])[source]  # the index leaves out what is its own source
        if whole.revision and whole.source == source:
            yield whole

    def tenants(self) -> Iterator[str]:
        """Return the tenants that ever had an entry."""
        return (item["sk"]["S"] for item in self._query("pk", TENANTS, ConsistentRead=True))

    def _note(self, tenant: str) -> None:
        if tenant not in self._known_tenants:
            self._table.ask("put_item", Item={"pk": {"S": TENANTS}, "sk": {"S": tenant}})
            self._known_tenants.add(tenant)

    def _items(self, tenant: str, document_ids: Sequence[str], projection: Mapping[str, Any]) -> list[Item]:
        keys = [key_of(self._family, tenant, document_id) for document_id in dict.fromkeys(document_ids)]
        batches = [keys[at : at + _READ_BATCH] for at in range(0, len(keys), _READ_BATCH)]

        def read(batch: list[dict[str, Any]]) -> list[Item]:
            return self._table.within_time(partial(self._read, batch, projection))

        if len(batches) <= 1:
            return [item for batch in batches for item in read(batch)]
        with ThreadPoolExecutor(min(SIDE_BY_SIDE, len(batches))) as pool:
            return [item for items in pool.map(read, batches) for item in items]

    def _read(self, keys: list[dict[str, Any]], projection: Mapping[str, Any]) -> list[Item]:
        name = self._table.name
        found: list[Item] = []
        for attempt in range(_READ_ATTEMPTS):
            wanted = {name: {"Keys": keys, "ConsistentRead": True, **projection}}
            answer = self._table.call("batch_get_item", RequestItems=wanted)
            found += answer["Responses"].get(name, [])
            if not answer.get("UnprocessedKeys"):
                return found
            keys = answer["UnprocessedKeys"][name]["Keys"]
            self._table.back_off(attempt)
        raise UpstreamThrottled("The document registry is too busy to be read now.")

    def _query(self, attribute: str, value: str, **options: Any) -> Iterator[Item]:
        more: dict[str, Any] = {}
        while True:
            page = self._table.ask(
                "query",
                KeyConditionExpression="#key = :value",
                ExpressionAttributeNames={"#key": attribute},
                ExpressionAttributeValues={":value": {"S": value}},
                **options,
                **more,
            )
            if "Items" not in page:
                raise MalformedResponse("The document registry answered something that AWS never should.")
            yield from page["Items"]
            if not page.get("LastEvaluatedKey"):
                return
            more = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
