"""DynamoDB adapter for the Counts port: items of the principals' table, raised under a condition."""

from functools import partial
from typing import Any, Final

from botocore.exceptions import ClientError

from rag.adapters.aws_errors import error_code
from rag.adapters.dynamodb_principals import DESCRIBED
from rag.adapters.dynamodb_table import QUERY_TIMEOUT_SECONDS, Table

_ACCESS: Final = "dynamodb:UpdateItem"


class DynamoCounts:
    """Counts of one table. Each request has `timeout_seconds`.

    Raises:
        UpstreamThrottled, UpstreamUnavailable: worth another attempt.
        PermanentError: the table is missing, or the role may not use it.
    """

    def __init__(self, table: str, *, timeout_seconds: float = QUERY_TIMEOUT_SECONDS, client: Any = None) -> None:
        self._table = Table(table, timeout_seconds=timeout_seconds, client=client, described=DESCRIBED, access=_ACCESS)

    def raised(self, key: str, by: int, limit: int, expires_at: int) -> bool:
        """Raise a count by `by`, unless it would pass the limit then; return whether it was raised."""
        return by <= limit and self._table.within_time(partial(self._raised, key, by, limit, expires_at))

    def lowered(self, key: str, by: int) -> None:
        """Lower a count by `by`; one that has expired stays gone."""
        self._table.within_time(partial(self._lowered, key, by))

    def _raised(self, key: str, by: int, limit: int, expires_at: int) -> bool:
        return self._updated(
            key,
            "ADD used :by SET expires_at = :expires_at",
            "attribute_not_exists(used) OR used <= :most",
            {":by": by, ":most": limit - by, ":expires_at": expires_at},
        )

    def _lowered(self, key: str, by: int) -> None:
        self._updated(key, "SET used = used - :by", "used >= :by", {":by": by})

    def _updated(self, key: str, update: str, condition: str, values: dict[str, int]) -> bool:
        try:
            self._table.call(
                "update_item",
                TableName=self._table.name,
                Key={"caller": {"S": key}},
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues={name: {"N": str(value)} for name, value in values.items()},
            )
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                return False
            raise
        return True
