"""How much Pinecone takes and gives at a time, for both kinds of index.

https://docs.pinecone.io/reference/api/database-limits/operation-limits
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

Record = dict[str, Any]

MAX_METADATA_BYTES: Final = 40_960
DELETED_AT_ONCE: Final = 1_000
FETCHED_AT_ONCE: Final = 100  # its limit is 1,000, but vectors come along, and a vector index takes ids in the address
DOCUMENTS_AT_ONCE: Final = 100
PAGE: Final = 100  # all that a listing gives at once

_RECORDS: Final = 1_000
_REQUEST_BYTES: Final = 2_000_000  # documented as 2 MB: the smaller reading, with room for the envelope below it
_ENVELOPE_BYTES: Final = 1_000


def slices(items: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    """Yield the items in order, at most `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))


def batches(records: Iterable[Record]) -> Iterator[list[Record]]:
    """Group records into requests within the limits on their number and on their bytes."""
    batch: list[Record] = []
    size = _ENVELOPE_BYTES
    for record in records:
        length = len(msgspec.json.encode(record)) + 1  # the comma
        if batch and (len(batch) == _RECORDS or size + length > _REQUEST_BYTES):
            yield batch
            batch, size = [], _ENVELOPE_BYTES
        batch.append(record)
        size += length
    if batch:
        yield batch
