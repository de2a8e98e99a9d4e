"""The local stack refuses what IAM would refuse: the roles of functions and state machines count here too."""

import json
from typing import Any

import pytest

from ragctl.deployment import Deployment
from tests.integration.toy_machines import ToyMachines

KEY = {"id": {"S": "a"}, "part": {"B": b"b".decode()}}


@pytest.fixture
def refusal(toy_stack: Deployment) -> Any:
    """Have a function make a call, and return the error that it gets."""
    function = toy_stack.function_name("ReachingFunction")

    def refusal(service: str, operation: str, **arguments: Any) -> dict[str, str]:
        event = json.dumps({"service": service, "operation": operation, "arguments": arguments})
        answer = toy_stack.client("lambda").invoke(FunctionName=function, Payload=event.encode())
        refused: dict[str, str] = json.loads(answer["Payload"].read())
        return refused

    return refusal


def test_a_function_may_do_what_its_role_allows(toy_stack: Deployment, refusal: Any) -> None:
    assert refusal("dynamodb", "get_item", TableName=toy_stack.output("Table"), Key=KEY) == {}


def test_another_action_is_refused_with_role_action_and_resource(toy_stack: Deployment, refusal: Any) -> None:
    refused = refusal("dynamodb", "put_item", TableName=toy_stack.output("Table"), Item=KEY)

    assert refused["Code"] == "AccessDeniedException"
    for named in ("rag-ReachingRole", "dynamodb:PutItem", toy_stack.output("Things")):
        assert named in refused["Message"]


def test_another_resource_is_refused(toy_stack: Deployment, refusal: Any) -> None:
    refused = refusal("dynamodb", "get_item", TableName=toy_stack.output("Registry"), Key={"pk": {"S": "a"}})
    assert refused["Code"] == "AccessDeniedException"


def test_another_service_is_refused(refusal: Any) -> None:
    assert refusal("secretsmanager", "get_secret_value", SecretId="rag/key")["Code"] == "AccessDeniedException"


def test_an_object_is_missing_for_who_may_list_and_forbidden_for_everybody_else(
    toy_stack: Deployment, refusal: Any
) -> None:
    codes = {
        bucket: refusal("s3", "get_object", Bucket=toy_stack.output(bucket), Key="no-such-object")["Code"]
        for bucket in ("Bucket", "Inbox")
    }
    assert codes == {"Bucket": "NoSuchKey", "Inbox": "AccessDenied"}


def test_a_machine_that_may_not_invoke_its_function_fails(toy_stack: Deployment) -> None:
    described = ToyMachines(toy_stack).run("Barred", {})

    assert described["status"] == "FAILED"
    assert "lambda:InvokeFunction on resource: " in described["cause"]
    assert "AccessDenied" in described["error"]


def test_who_runs_the_stack_may_do_all(toy_stack: Deployment) -> None:
    table, database = toy_stack.output("Table"), toy_stack.client("dynamodb")
    item = {"id": {"S": "mine"}, "part": {"B": b"b"}}
    database.put_item(TableName=table, Item=item)
    assert database.get_item(TableName=table, Key=item)["Item"] == item
