"""The local stack's DynamoDB and S3 where moto alone falls short: transactions, side by side, long lists."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ragctl.deployment import Deployment

Item = dict[str, Any]


@pytest.fixture
def table(toy_stack: Deployment) -> str:
    return toy_stack.outputs["Registry"]


@pytest.fixture
def dynamodb(toy_stack: Deployment) -> Any:
    return toy_stack.client("dynamodb", max_pool_connections=20)


def entry(pk: str, sk: str, revision: int = 1, **attributes: Any) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": sk}, "revision": {"N": str(revision)}, **attributes}


def put(table: str, item: Item, expected: int | None = None) -> Item:
    """Return a transaction's put on the condition that the stored revision is the expected one, or none."""
    condition: Item = {"ConditionExpression": "attribute_not_exists(pk)"}
    if expected is not None:
        values = {":expected": {"N": str(expected)}}
        condition = {"ConditionExpression": "revision = :expected", "ExpressionAttributeValues": values}
    return {"Put": {"TableName": table, "Item": item, "ReturnValuesOnConditionCheckFailure": "ALL_OLD", **condition}}


def stored(dynamodb: Any, table: str, pk: str, sk: str) -> Item | None:
    found: Item | None = dynamodb.get_item(TableName=table, Key={"pk": {"S": pk}, "sk": {"S": sk}}).get("Item")
    return found


def test_a_transaction_writes_all(dynamodb: Any, table: str) -> None:
    dynamodb.transact_write_items(TransactItems=[put(table, entry("all", f"{n}")) for n in range(100)])

    assert dynamodb.query(**everything(table, "all"))["Count"] == 100


def test_a_canceled_transaction_writes_nothing_and_shows_what_was_in_its_way(dynamodb: Any, table: str) -> None:
    nested = {"versions": {"L": [{"M": {"count": {"N": "3"}, "key": {"B": b"\x00\xff"}}}]}}
    before = entry("none", "b", 7, **nested)
    dynamodb.put_item(TableName=table, Item=entry("none", "a", 1))
    dynamodb.put_item(TableName=table, Item=before)
    key = {"pk": {"S": "none"}, "sk": {"S": "a"}}
    raised = {"UpdateExpression": "SET revision = :r", "ExpressionAttributeValues": {":r": {"N": "99"}}}

    with pytest.raises(ClientError) as canceled:
        dynamodb.transact_write_items(
            TransactItems=[
                put(table, entry("none", "new")),
                put(table, entry("none", "b", 3), expected=2),
                {"Update": {"TableName": table, "Key": key, **raised}},
            ]
        )

    assert canceled.value.response["Error"]["Code"] == "TransactionCanceledException"
    reasons: list[Item] = canceled.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed", "None"]
    assert reasons[1]["Item"] == before
    assert stored(dynamodb, table, "none", "new") is None
    assert stored(dynamodb, table, "none", "a") == entry("none", "a", 1)
    assert stored(dynamodb, table, "none", "b") == before


def test_a_canceled_transaction_restores_what_it_deleted(dynamodb: Any, table: str) -> None:
    dynamodb.put_item(TableName=table, Item=entry("deleted", "a"))
    delete = {"Delete": {"TableName": table, "Key": {"pk": {"S": "deleted"}, "sk": {"S": "a"}}}}

    with pytest.raises(ClientError, match="TransactionCanceled"):
        dynamodb.transact_write_items(TransactItems=[delete, put(table, entry("deleted", "b"), expected=1)])

    assert stored(dynamodb, table, "deleted", "a") == entry("deleted", "a")


def test_of_transactions_side_by_side_one_wins_whole(dynamodb: Any, table: str) -> None:
    names = [f"{n:02}" for n in range(100)]
    dynamodb.transact_write_items(TransactItems=[put(table, entry("race", name, 0)) for name in names])

    def wins(revision: int) -> bool:
        changes = [put(table, entry("race", name, revision + 1), expected=revision) for name in names]
        try:
            dynamodb.transact_write_items(TransactItems=changes)
        except dynamodb.exceptions.TransactionCanceledException:
            return False
        return True

    for revision in range(10):
        with ThreadPoolExecutor(4) as executor:
            assert sum(executor.map(wins, [revision] * 4)) == 1
        items = dynamodb.query(**everything(table, "race"))["Items"]
        assert {int(item["revision"]["N"]) for item in items} == {revision + 1}


def everything(table: str, pk: str, **arguments: Any) -> dict[str, Any]:
    values = {":pk": {"S": pk}}
    return {"TableName": table, "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": values, **arguments}


@pytest.fixture
def listed(dynamodb: Any, table: str) -> list[str]:
    """Sort keys of 230 items among others, every third of which is in the index."""
    names = [f"{n * 7 % 230:03}" for n in range(230)]
    items = [entry("listed", n) for n in names if int(n) % 3]
    items += [entry("listed", n, source={"S": "file"}) for n in names if int(n) % 3 == 0]
    items += [entry("not listed", "x", source={"S": "another file"})]
    for start in range(0, len(items), 25):
        requests = [{"PutRequest": {"Item": item}} for item in items[start : start + 25]]
        dynamodb.batch_write_item(RequestItems={table: requests})
    return sorted(names)


@pytest.mark.parametrize("forward", [True, False])
def test_a_partition_is_read_in_pages(dynamodb: Any, table: str, listed: list[str], forward: bool) -> None:
    query = everything(table, "listed", Limit=50, ScanIndexForward=forward)
    pages = list(dynamodb.get_paginator("query").paginate(**query))

    found = [item["sk"]["S"] for page in pages for item in page["Items"]]
    assert found == (listed if forward else listed[::-1])
    assert [page["Count"] for page in pages] == [50, 50, 50, 50, 30]


def test_a_prefix_is_read_in_pages(dynamodb: Any, table: str, listed: list[str]) -> None:
    condition = "pk = :pk AND begins_with(sk, :prefix)"
    values = {":pk": {"S": "listed"}, ":prefix": {"S": "1"}}
    query = {"TableName": table, "KeyConditionExpression": condition, "ExpressionAttributeValues": values}
    pages = dynamodb.get_paginator("query").paginate(**query, PaginationConfig={"PageSize": 30})

    assert [item["sk"]["S"] for page in pages for item in page["Items"]] == [n for n in listed if n.startswith("1")]


def test_a_sparse_index_is_read_in_pages(dynamodb: Any, table: str, listed: list[str]) -> None:
    query = {
        "TableName": table,
        "IndexName": "by_source",
        "KeyConditionExpression": "#source = :source",
        "ExpressionAttributeNames": {"#source": "source"},
        "ExpressionAttributeValues": {":source": {"S": "file"}},
    }
    pages = dynamodb.get_paginator("query").paginate(**query, PaginationConfig={"PageSize": 30})

    found = [item for page in pages for item in page["Items"]]
    assert [item["sk"]["S"] for item in found] == [n for n in listed if int(n) % 3 == 0]
    assert all(item["pk"] == {"S": "listed"} and item["revision"] == {"N": "1"} for item in found)


def test_a_hundred_keys_are_read_at_once(dynamodb: Any, table: str, listed: list[str]) -> None:
    keys = [{"pk": {"S": "listed"}, "sk": {"S": name}} for name in [*listed[:99], "missing"]]

    read = dynamodb.batch_get_item(RequestItems={table: {"Keys": keys, "ConsistentRead": True}})

    assert {item["sk"]["S"] for item in read["Responses"][table]} == set(listed[:99])
    assert read["UnprocessedKeys"] == {}


def test_every_kind_of_attribute_comes_back_as_it_was(dynamodb: Any, table: str) -> None:
    attributes: Item = {
        "s": {"S": 'ä "\n'},
        "n": {"N": "1.5"},
        "b": {"B": b"\x00\xff"},
        "true": {"BOOL": True},
        "null": {"NULL": True},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2"]},
        "bs": {"BS": [b"\x00", b"\x01"]},
        "l": {"L": [{"S": ""}, {"B": b"\x02"}, {"L": []}]},
        "m": {"M": {"deep": {"M": {"b": {"B": b"\x03"}}}, "empty": {"M": {}}}},
    }
    dynamodb.put_item(TableName=table, Item=entry("kinds", "a", **attributes))

    assert stored(dynamodb, table, "kinds", "a") == entry("kinds", "a", **attributes)


def test_a_long_list_of_objects_is_read_in_pages_and_deleted(toy_stack: Deployment) -> None:
    s3, bucket = toy_stack.client("s3", max_pool_connections=20), toy_stack.outputs["Inbox"]
    keys = [f"long/{n:04}" for n in range(1_100)]
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda key: s3.put_object(Bucket=bucket, Key=key, Body=b"x"), keys))

    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="long/"))
    assert [found["Key"] for page in pages for found in page["Contents"]] == keys
    assert len(pages) == 2

    for start in (0, 1_000):
        s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key} for key in keys[start : start + 1_000]]})
    assert s3.list_objects_v2(Bucket=bucket, Prefix="long/")["KeyCount"] == 0


def test_no_version_is_lost_of_puts_side_by_side(toy_stack: Deployment) -> None:
    s3, bucket = toy_stack.client("s3", max_pool_connections=20), toy_stack.outputs["Inbox"]

    def write(n: int) -> str:
        return str(s3.put_object(Bucket=bucket, Key="contested", Body=str(n).encode())["VersionId"])

    with ThreadPoolExecutor(8) as executor:
        written = set(executor.map(write, range(80)))

    versions = s3.list_object_versions(Bucket=bucket, Prefix="contested")["Versions"]
    assert {version["VersionId"] for version in versions} == written
