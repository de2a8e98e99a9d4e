"""moto's DynamoDB, made safe for clients side by side and quick with tables of a hundred thousand items."""

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from operator import itemgetter
from threading import RLock
from typing import Any

from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import RESULT_SIZE_LIMIT, Table

from ragctl.local.mending import replace

_OPERATIONS = ("get_item", "put_item", "update_item", "delete_item", "query", "scan", "transact_write_items")


def mend() -> None:
    """Put what is below into moto's DynamoDB."""
    replace(DynamoDBBackend, "transact_write_items", _transact_write_items)
    replace(Table, "query", _query)
    lock = RLock()
    for name in _OPERATIONS:
        replace(DynamoDBBackend, name, _alone(getattr(DynamoDBBackend, name), lock))


_transact_by_moto: Callable[..., None] = DynamoDBBackend.transact_write_items
_query_by_moto: Callable[..., Any] = Table.query


def _alone(operation: Callable[..., Any], lock: RLock) -> Callable[..., Any]:
    """Let one operation run at a time: moto checks a condition and writes later, without a lock around the two."""

    @wraps(operation)
    def run(*arguments: Any, **named: Any) -> Any:
        with lock:
            return operation(*arguments, **named)

    return run


class _WithoutTables:
    """A backend that shows no tables: moto copies every table it sees, for a rollback that is done here instead."""

    tables: Mapping[str, Any] = {}

    def __init__(self, backend: Any) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def _transact_write_items(backend: Any, transact_items: list[dict[str, Any]]) -> None:
    """Write all of the items or none."""
    with _undone_on_failure(backend, transact_items):
        _transact_by_moto(_WithoutTables(backend), transact_items)


@contextmanager
def _undone_on_failure(backend: Any, transact_items: list[dict[str, Any]]) -> Iterator[None]:
    befores = []
    for action in transact_items:
        for kind, change in action.items():
            table = backend.get_table(change["TableName"])
            hash_key, range_key = backend.get_keys_value(table, change["Item"] if kind == "Put" else change["Key"])
            item = table.get_item(hash_key, range_key)
            befores.append((table, hash_key, range_key, copy.deepcopy(item) if kind == "Update" else item))
    try:
        yield
    except BaseException:
        for table, hash_key, range_key, item in befores:
            if item is None:
                table.delete_item(hash_key, range_key)
            elif range_key:
                table.items[hash_key][range_key] = item
            else:
                table.items[hash_key] = item
        raise


def _query(table: Any, hash_key: Any, *arguments: Any, **named: Any) -> Any:
    """Query what the hash key names, a page of it: moto looks at every item of the table for each, and sorts them."""
    comparison, values, limit, start_key, forward, projections, index_name, *rest = arguments
    narrowed = copy.copy(table)
    if index_name is None:
        start = start_key and table.range_key_attr and DynamoType(start_key[table.range_key_attr])
        items = _after(_partition(table, hash_key), start, forward is not False)
        start_key = None if start else start_key
    else:
        items = list(_matching(table, named.get("hash_key_conditions") or []))
        if forward is not False:
            items = _ordered(table, index_name, items, start_key)
    if forward is not False and comparison is None:
        items = _page(items)
    narrowed.all_items = lambda: items
    arguments = (comparison, values, limit, start_key, forward, projections, index_name, *rest)
    return _query_by_moto(narrowed, hash_key, *arguments, **named)


def _partition(table: Any, hash_key: Any) -> list[Any]:
    """Return the items of one hash key in the order of their range keys."""
    held = table.items.get(hash_key)
    if not held:
        return []
    return sorted(held.values(), key=lambda item: _comparable(item.range_key)) if table.has_range_key else [held]


def _after(items: list[Any], start: Any, forward: bool) -> list[Any]:
    """Return the part that a page which starts after this range key is from."""
    if not start:
        return items
    keys = [_comparable(item.range_key) for item in items]
    if forward:
        return items[bisect_right(keys, start.cast_value) :]
    return items[: bisect_left(keys, start.cast_value)]


def _matching(table: Any, conditions: list[tuple[str, Any]]) -> Iterator[Any]:
    """Yield the items that have these values, in any order."""
    wanted = [(name, value.type, value.value) for name, value in conditions]
    for held in table.items.values():
        for item in held.values() if table.has_range_key else [held]:
            for name, kind, value in wanted:
                found = item.attrs.get(name)
                if found is None or found.value != value or found.type != kind:
                    break
            else:
                yield item


def _ordered(table: Any, index_name: str, items: list[Any], start_key: Mapping[str, Any] | None) -> list[Any]:
    """Return the items of an index that follow a page's start, in the index's order: by its range key, then by keys."""
    ranges = [key["AttributeName"] for key in table.get_index(index_name).schema if key["KeyType"] == "RANGE"]
    keys = [table.hash_key_attr, *([table.range_key_attr] if table.range_key_attr else [])]
    names = list(dict.fromkeys([*ranges, *keys]))
    indexed = [item for item in items if all(name in item.attrs for name in ranges)]
    keyed = [([_comparable(item.attrs[name]) for name in names], item) for item in indexed]
    if start_key:
        start = [DynamoType(start_key[name]).cast_value for name in names]
        keyed = [pair for pair in keyed if pair[0] > start]
    return [item for _, item in sorted(keyed, key=itemgetter(0))]


def _comparable(value: Any) -> Any:
    """Return what orders values of one type; most are strings, and moto's own way takes four times as long."""
    return value.value if value.type == "S" else value.cast_value


def _page(items: list[Any]) -> list[Any]:
    """Return as many of the items as no page can hold."""
    size = 0
    for count, item in enumerate(items, start=1):
        size += item.size()
        if size > RESULT_SIZE_LIMIT:
            return items[:count]
    return items
