"""Writing entries under the condition that nobody did since they were read."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, Final

from botocore.exceptions import ClientError

from rag.adapters.aws_errors import error_code, refusal
from rag.adapters.dynamodb_table import Table
from rag.errors import UpstreamThrottled

Item = dict[str, Any]

_TRANSACTION_ITEMS: Final = 50
_TRANSACTION_BYTES: Final = 2_000_000  # DynamoDB takes 4 MB; what is counted here is the entry, nearly all of an item
_ATTEMPTS: Final = 7
_OUTDATED: Final = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
_BUSY: Final = frozenset(
    {
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflict",
        "TransactionConflictException",
    }
)


def put_all(table: Table, items: Sequence[Item]) -> list[Item]:
    """Put the items, and return those whose revision was outdated; an item's revision is one more than it was read at.

    Raises:
        UpstreamThrottled: others write the same items all the time, or the table takes no more. Some may be stored.
    """
    return [item for some in _slices(items) for item in _put_slice(table, some)]


def _put_slice(table: Table, items: Sequence[Item]) -> list[Item]:
    """Put what can be put together. A transaction that is canceled stores nothing: it is tried without the outdated."""
    outdated: list[Item] = []
    for attempt in range(_ATTEMPTS):
        codes = table.within_time(partial(_codes, table, items))
        outdated += [item for item, code in zip(items, codes, strict=True) if code in _OUTDATED]
        if not any(codes):
            return outdated
        items = [item for item, code in zip(items, codes, strict=True) if code not in _OUTDATED]
        if not items:
            return outdated
        if any(code in _BUSY for code in codes):
            table.back_off(attempt)
    raise UpstreamThrottled("The document registry is too busy to store this now.")


def _codes(table: Table, items: Sequence[Item]) -> list[str]:
    """Put the items, all or none; return why each was not put. All are empty when all were."""
    puts = [_put(table.name, item) for item in items]
    try:
        if len(puts) == 1:
            table.call("put_item", **puts[0])
        else:
            table.call("transact_write_items", TransactItems=[{"Put": put} for put in puts])
    except ClientError as error:
        codes = [error_code(error)] if len(puts) == 1 else _reasons(error, len(puts))
        if any(code and code not in _OUTDATED | _BUSY for code in codes):
            raise
        return codes
    return [""] * len(puts)


def _reasons(error: ClientError, count: int) -> list[str]:
    """Return the code of each item of a transaction that was refused."""
    if error_code(error) != "TransactionCanceledException":
        return [error_code(error)] * count
    reasons = [str(reason.get("Code", "")) for reason in error.response.get("CancellationReasons", [])]
    codes = ["" if code == "None" else code for code in reasons]
    strange = [code for code in codes if code and code not in _OUTDATED | _BUSY]
    if strange or len(codes) != count or not any(codes):
        raise refusal(strange[0] if strange else error_code(error), "The document registry", forbidden="PutItem")
    return codes


def _put(table: str, item: Item) -> dict[str, Any]:
    read_at = int(item["revision"]["N"]) - 1
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(revision)"}
    if read_at:
        condition = {
            "ConditionExpression": "revision = :read_at",
            "ExpressionAttributeValues": {":read_at": {"N": str(read_at)}},
        }
    return {"TableName": table, "Item": item, **condition}


def _slices(items: Sequence[Item]) -> Iterator[list[Item]]:
    """Yield the items in slices that a transaction takes."""
    slice_: list[Item] = []
    size = 0
    for item in items:
        length = len(item["entry"]["S"].encode())
        if slice_ and (len(slice_) == _TRANSACTION_ITEMS or size + length > _TRANSACTION_BYTES):
            yield slice_
            slice_, size = [], 0
        slice_.append(item)
        size += length
    if slice_:
        yield slice_
