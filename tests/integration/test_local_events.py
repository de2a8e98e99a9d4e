"""What a local stack does when objects come and go: EventBridge's events, and the executions that they start."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig

from ragctl.deployment import Deployment
from tests.integration.toy_machines import ToyMachines

MEGABYTE = 1024 * 1024


@pytest.fixture
def machines(toy_stack: Deployment) -> ToyMachines:
    return ToyMachines(toy_stack)


@pytest.fixture
def s3(toy_stack: Deployment) -> Any:
    return toy_stack.client("s3")


@pytest.fixture
def inbox(toy_stack: Deployment) -> str:
    return toy_stack.outputs["Inbox"]


def test_a_new_object_starts_an_execution_with_its_event(machines: ToyMachines, s3: Any, inbox: str) -> None:
    put = s3.put_object(Bucket=inbox, Key="in/ä b+%2F.md", Body=b"hello")

    (started,) = machines.started("Received", "in/ä b+%2F.md", at_least=1)

    event = started["event"]
    described = event["detail"].pop("object")
    assert {name: event[name] for name in ("version", "detail-type", "source", "account", "region", "resources")} == {
        "version": "0",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "123456789012",
        "region": "us-east-1",
        "resources": [f"arn:aws:s3:::{inbox}"],
    }
    assert event["detail"]["bucket"] == {"name": inbox}
    assert event["detail"]["reason"] == "PutObject"
    assert int(described.pop("sequencer"), 16) > 0
    assert described == {
        "key": "in/ä b+%2F.md",
        "size": 5,
        "etag": put["ETag"].strip('"'),
        "version-id": put["VersionId"],
    }
    assert started["name"].startswith(f"{event['id']}_")


def test_a_deletion_tells_of_its_delete_marker(machines: ToyMachines, s3: Any, inbox: str) -> None:
    s3.put_object(Bucket=inbox, Key="in/deleted", Body=b"x")
    marker = s3.delete_object(Bucket=inbox, Key="in/deleted")

    created, deleted = (started["event"] for started in machines.started("Received", "in/deleted", at_least=2))

    assert (created["detail-type"], deleted["detail-type"]) == ("Object Created", "Object Deleted")
    assert deleted["detail"]["reason"] == "DeleteObject"
    assert deleted["detail"]["deletion-type"] == "Delete Marker Created"
    assert deleted["detail"]["object"]["version-id"] == marker["VersionId"]
    assert created["detail"]["object"]["sequencer"] < deleted["detail"]["object"]["sequencer"]


def test_the_deletion_of_a_version_is_permanent(machines: ToyMachines, s3: Any, inbox: str) -> None:
    first = s3.put_object(Bucket=inbox, Key="in/version", Body=b"1")
    s3.put_object(Bucket=inbox, Key="in/version", Body=b"2")
    s3.delete_object(Bucket=inbox, Key="in/version", VersionId=first["VersionId"])

    *_, deleted = machines.started("Received", "in/version", at_least=3)

    assert deleted["event"]["detail"]["deletion-type"] == "Permanently Deleted"
    assert deleted["event"]["detail"]["object"]["version-id"] == first["VersionId"]
    assert s3.get_object(Bucket=inbox, Key="in/version")["Body"].read() == b"2"


def test_each_key_of_many_deleted_at_once_is_told(machines: ToyMachines, s3: Any, inbox: str) -> None:
    keys = [f"in/many/{n}" for n in range(3)]
    for key in keys:
        s3.put_object(Bucket=inbox, Key=key, Body=b"x")
    s3.delete_objects(Bucket=inbox, Delete={"Objects": [{"Key": key} for key in keys]})

    events = [started["event"] for started in machines.started("Received", "in/many/", at_least=6)]

    deleted = [event["detail"]["object"]["key"] for event in events if event["detail-type"] == "Object Deleted"]
    assert deleted == keys


def test_a_copy_is_told_as_one(machines: ToyMachines, s3: Any, inbox: str) -> None:
    s3.put_object(Bucket=inbox, Key="original", Body=b"x")
    s3.copy_object(Bucket=inbox, Key="in/copy", CopySource={"Bucket": inbox, "Key": "original"})

    (started,) = machines.started("Received", "in/copy", at_least=1)

    assert started["event"]["detail"]["reason"] == "CopyObject"


def test_a_multipart_upload_is_told_once_and_reads_back(machines: ToyMachines, s3: Any, inbox: str) -> None:
    content = bytes(range(256)) * (20 * MEGABYTE // 256) + b"end"
    config = TransferConfig(multipart_threshold=8 * MEGABYTE, multipart_chunksize=8 * MEGABYTE)
    s3.upload_fileobj(BytesIO(content), inbox, "in/large", Config=config)
    head = s3.head_object(Bucket=inbox, Key="in/large")
    s3.put_object(Bucket=inbox, Key="in/large", Body=b"another version")

    completed, _ = (started["event"]["detail"] for started in machines.started("Received", "in/large", at_least=2))

    assert completed["reason"] == "CompleteMultipartUpload"
    assert completed["object"]["size"] == len(content)
    assert completed["object"]["etag"] == head["ETag"].strip('"')
    read = s3.get_object(Bucket=inbox, Key="in/large", VersionId=head["VersionId"])["Body"].read()
    part = s3.get_object(Bucket=inbox, Key="in/large", VersionId=head["VersionId"], Range="bytes=10-19")["Body"].read()
    assert (read, part) == (content, content[10:20])


def test_each_put_of_many_starts_one_execution(machines: ToyMachines, s3: Any, inbox: str) -> None:
    keys = {f"in/burst/{n}" for n in range(100)}
    with ThreadPoolExecutor(8) as executor:
        list(executor.map(lambda key: s3.put_object(Bucket=inbox, Key=key, Body=key.encode()), keys))

    started = machines.started("Received", "in/burst/", at_least=100)

    assert {execution["event"]["detail"]["object"]["key"] for execution in started} == keys
    assert len({execution["name"] for execution in started}) == len(started) == 100
    assert len({execution["event"]["detail"]["object"]["sequencer"] for execution in started}) == 100


def test_another_prefix_another_bucket_and_a_disabled_rule_start_nothing(
    toy_stack: Deployment, machines: ToyMachines, s3: Any, inbox: str
) -> None:
    s3.put_object(Bucket=inbox, Key="bulk/in/x", Body=b"x")
    s3.put_object(Bucket=toy_stack.outputs["Bucket"], Key="in/elsewhere", Body=b"x")
    s3.put_object(Bucket=inbox, Key="in/after", Body=b"x")

    machines.started("Received", "in/after", at_least=1)  # events are taken in their order: the others are through

    assert machines.started("Received", "bulk/in/x") == []
    assert machines.started("Received", "in/elsewhere") == []
    assert machines.started("Muted") == []


@pytest.fixture
def switched_off(toy_stack: Deployment) -> Iterator[None]:
    events = toy_stack.client("events")
    (rule,) = [rule["Name"] for rule in events.list_rules()["Rules"] if "ReceivedArrived" in rule["Name"]]
    events.disable_rule(Name=rule)
    yield
    events.enable_rule(Name=rule)


@pytest.mark.usefixtures("switched_off")
def test_a_rule_can_be_switched_off(machines: ToyMachines, s3: Any, inbox: str) -> None:
    s3.put_object(Bucket=inbox, Key="in/off", Body=b"x")
    s3.put_object(Bucket=inbox, Key="told/after-off", Body=b"x")

    told(machines, "told/after-off")

    assert machines.started("Received", "in/off") == []


def test_a_target_gets_a_part_a_constant_or_a_filled_template(machines: ToyMachines, s3: Any, inbox: str) -> None:
    s3.put_object(Bucket=inbox, Key='told/"ä', Body=b"x")

    inputs = told(machines, 'told/"ä')

    part = next(found for found in inputs if "size" in found)
    filled = next(found for found in inputs if "text" in found)
    assert {"constant": True} in inputs
    assert part["key"] == 'told/"ä'
    assert filled == {"key": 'told/"ä', "text": 'at "told/"ä"', "object": part, "none": ""}


def told(machines: ToyMachines, key: str) -> list[dict[str, Any]]:
    """Return the inputs of the three targets of the rule for a key, and all constant ones."""
    while True:
        listed = machines.states.list_executions(stateMachineArn=machines.stack.outputs["Told"])["executions"]
        inputs = [json.loads(machines.ended(execution["executionArn"])["input"]) for execution in listed]
        about = [found for found in inputs if found.get("key", key) == key]
        if sum("key" in found for found in about) == 2:
            return about


def test_an_event_of_ones_own_starts_its_machine(toy_stack: Deployment, machines: ToyMachines, inbox: str) -> None:
    detail = {"bucket": {"name": inbox}, "object": {"key": "in/by-hand", "sequencer": "0"}}
    entry = {"Source": "aws.s3", "DetailType": "Object Created", "Detail": json.dumps(detail)}
    toy_stack.client("events").put_events(Entries=[entry])

    (started,) = machines.started("Received", "in/by-hand", at_least=1)

    assert started["event"]["detail"] == detail
