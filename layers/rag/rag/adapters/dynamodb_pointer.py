"""DynamoDB adapter for the Pointer port: one item of the registry's table."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import msgspec

from rag.adapters.dynamodb_table import INGESTION_TIMEOUT_SECONDS, Table
from rag.adapters.registry_writing import put_all
from rag.errors import InternalError
from rag.index_pointer import IndexPointer, IndexTarget

_KEY: Final = {"pk": {"S": "index"}, "sk": {"S": "pointer"}}
_POINTER: Final = msgspec.json.Decoder(IndexPointer)


class DynamoPointer:
    """The pointer, read anew each time."""

    def __init__(
        self,
        table: str,
        default: IndexTarget,
        *,
        timeout_seconds: float = INGESTION_TIMEOUT_SECONDS,
        client: Any = None,
    ) -> None:
        self._table = Table(table, timeout_seconds=timeout_seconds, client=client)
        self._default = default

    def read(self) -> IndexPointer:
        """Return the pointer; where none is stored, one to the collection that was deployed."""
        answer: Mapping[str, Any] = self._table.ask("get_item", Key=_KEY, ConsistentRead=True)
        return _decoded(answer["Item"]) if "Item" in answer else IndexPointer(self._default)

    def store(self, pointer: IndexPointer) -> bool:
        """Store the pointer unless somebody did since it was read; return whether it was stored."""
        stored = replace(pointer, revision=pointer.revision + 1)
        item = {
            **_KEY,
            "revision": {"N": str(stored.revision)},
            "entry": {"S": msgspec.json.encode(stored).decode()},
        }
        return not put_all(self._table, [item])


def _decoded(item: Mapping[str, Any]) -> IndexPointer:
    try:
        return _POINTER.decode(item["entry"]["S"])
    except (KeyError, TypeError, msgspec.DecodeError):
        raise InternalError("The index pointer cannot be read: somebody else has written it.") from None
