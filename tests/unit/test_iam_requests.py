"""Requests to AWS are named as IAM names them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from ragctl.iam.requests import Account, Request, calls

ACCOUNT = Account("us-east-1", "123456789012", lambda name: f"arn:of:{name}")
TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/t"
Told = list[tuple[str, str]]


def request(
    service: str, method: str = "POST", path: str = "/", query: str = "", body: Any = b"", **headers: str
) -> Request:
    parsed: Mapping[str, list[str]] = {
        name: [value] for name, _, value in (part.partition("=") for part in query.split("&") if part)
    }
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request(service, method, path, parsed, named, lambda: content)


def told(asked: Request) -> Told:
    return [(call.action, call.resource) for call in calls(asked, ACCOUNT)]


@pytest.mark.parametrize(
    ("operation", "body", "expected"),
    [
        ("GetItem", {"TableName": "t"}, [("dynamodb:GetItem", TABLE)]),
        ("PutItem", {"TableName": TABLE}, [("dynamodb:PutItem", TABLE)]),
        ("Query", {"TableName": "t", "IndexName": "i"}, [("dynamodb:Query", f"{TABLE}/index/i")]),
        (
            "BatchWriteItem",
            {"RequestItems": {"t": [], "u": []}},
            [("dynamodb:BatchWriteItem", TABLE), ("dynamodb:BatchWriteItem", f"{TABLE[:-1]}u")],
        ),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "t"}}]},
            [("dynamodb:PutItem", TABLE), ("dynamodb:ConditionCheckItem", TABLE)],
        ),
    ],
)
def test_items(operation: str, body: Any, expected: Told) -> None:
    assert told(request("dynamodb", body=body, x_amz_target=f"DynamoDB_20120810.{operation}")) == expected


COUNT = {"caller": {"S": "count/2026-11-22/user/1/ada"}}


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("UpdateItem", {"TableName": "t", "Key": COUNT}),
        ("TransactWriteItems", {"TransactItems": [{"Update": {"TableName": "t", "Key": COUNT}}]}),
    ],
)
def test_an_item_s_partition_key_is_told(operation: str, body: Any) -> None:
    (call,) = calls(request("dynamodb", body=body, x_amz_target=f"DynamoDB_20120810.{operation}"), ACCOUNT)
    assert call.context == {"dynamodb:leadingkeys": ["count/2026-11-22/user/1/ada"]}


@pytest.mark.parametrize("key", [{}, {"Key": {"tenant": {"S": "a"}, "document": {"S": "b"}}}])
def test_a_key_that_does_not_say_which_attribute_leads_tells_nothing(key: Any) -> None:
    body = {"TableName": "t", **key}
    (call,) = calls(request("dynamodb", body=body, x_amz_target="DynamoDB_20120810.UpdateItem"), ACCOUNT)
    assert call.context == {}


KEYS = b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a</Key></Object>'


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (request("s3", "HEAD", "/b/k/x"), [("s3:GetObject", "arn:aws:s3:::b/k/x")]),
        (request("s3", "GET", "/b/k", "versionId=1"), [("s3:GetObjectVersion", "arn:aws:s3:::b/k")]),
        (request("s3", "GET", "/b/k", "tagging"), [("s3:GetObjectTagging", "arn:aws:s3:::b/k")]),
        (request("s3", "PUT", "/b/k"), [("s3:PutObject", "arn:aws:s3:::b/k")]),
        (
            request("s3", "PUT", "/b/k", x_amz_copy_source="/c/l"),
            [("s3:GetObject", "arn:aws:s3:::c/l"), ("s3:PutObject", "arn:aws:s3:::b/k")],
        ),
        (request("s3", "POST", "/b/k", "uploads"), [("s3:PutObject", "arn:aws:s3:::b/k")]),
        (request("s3", "DELETE", "/b/k", "uploadId=1"), [("s3:AbortMultipartUpload", "arn:aws:s3:::b/k")]),
        (request("s3", "DELETE", "/b/k"), [("s3:DeleteObject", "arn:aws:s3:::b/k")]),
        (
            request("s3", "POST", "/b", "delete", KEYS + b"<Object><Key>c</Key></Object></Delete>"),
            [("s3:DeleteObject", "arn:aws:s3:::b/a"), ("s3:DeleteObject", "arn:aws:s3:::b/c")],
        ),
        (request("s3", "GET", "/b", "list-type=2&prefix=x/"), [("s3:ListBucket", "arn:aws:s3:::b")]),
        (request("s3", "GET", "/b", "versions&prefix=x/"), [("s3:ListBucketVersions", "arn:aws:s3:::b")]),
        (request("s3", "GET", "/b", "policy"), [("s3:GETpolicy", "arn:aws:s3:::b")]),
    ],
)
def test_objects(asked: Request, expected: Told) -> None:
    assert told(asked) == expected


def test_a_listing_tells_its_prefix() -> None:
    (call,) = calls(request("s3", "GET", "/b", "list-type=2&prefix=x/"), ACCOUNT)
    assert call.context == {"s3:prefix": ["x/"]}


def test_a_posted_form_writes_the_object_that_it_names() -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="key"\r\n\r\ndocuments/t/a.md\r\n--x--\r\n'
    assert told(request("s3", "POST", "/b", body=form)) == [("s3:PutObject", "arn:aws:s3:::b/documents/t/a.md")]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (
            request("secretsmanager", body={"SecretId": "s"}, x_amz_target="secretsmanager.GetSecretValue"),
            [("secretsmanager:GetSecretValue", "arn:of:s")],
        ),
        (
            request("states", body={"executionArn": "e"}, x_amz_target="AWSStepFunctions.DescribeExecution"),
            [("states:DescribeExecution", "e")],
        ),
        (
            request("sqs", body={"QueueUrl": "http://h/123456789012/q"}, x_amz_target="AmazonSQS.SendMessage"),
            [("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:q")],
        ),
        (
            request("lambda", path="/2015-03-31/functions/f/invocations", query="Qualifier=live"),
            [("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:f:live")],
        ),
        (request("sts", x_amz_target=""), []),
    ],
)
def test_other_services(asked: Request, expected: Told) -> None:
    assert told(asked) == expected


def test_an_operation_that_nobody_has_named_needs_a_right_that_nobody_has() -> None:
    asked = request("dynamodb", body={}, x_amz_target="DynamoDB_20120810.ExecuteStatement")
    assert told(asked) == [("dynamodb:ExecuteStatement", "*")]
