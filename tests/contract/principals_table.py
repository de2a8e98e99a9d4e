"""The table of principals, as the template declares it."""

from typing import Any

import boto3

TABLE = "principals"


def create_principals_table() -> Any:
    """Create it in the mocked account and return the client."""
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "caller", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "caller", "KeyType": "HASH"}],
    )
    return dynamodb
