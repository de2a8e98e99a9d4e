"""Rules that the template keeps: least privilege, retention, deadlines that nest."""

import json
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from rag import vectors
from rag.adapters.dynamodb_cache import DynamoEmbeddingCache

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::Function"}
ROLES = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::IAM::Role"}

# Actions that AWS offers no narrower resource for.
WITHOUT_RESOURCE = ("xray:", "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups")  # fmt: skip

LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
READ_SECRET = {"secretsmanager:GetSecretValue"}
ACTIONS = {
    "EmbedRole": {"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"} | READ_SECRET | LOG | TRACE,
    "SearchRole": READ_SECRET | LOG | TRACE,
    "ComposeRole": LOG | TRACE,
    "GenerateRole": READ_SECRET | LOG | TRACE,
    "QueryStateMachineRole": {"lambda:InvokeFunction", "xray:GetSamplingRules", "xray:GetSamplingTargets"}
    | {action for action in WITHOUT_RESOURCE if action.startswith("logs:")}
    | TRACE,
}


def _statements(role: dict[str, Any]) -> list[dict[str, Any]]:
    return [statement for policy in role["Policies"] for statement in policy["PolicyDocument"]["Statement"]]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_a_wildcard_action_or_a_managed_policy(role: str) -> None:
    assert "ManagedPolicyArns" not in ROLES[role]
    for statement in _statements(ROLES[role]):
        assert not [action for action in _listed(statement["Action"]) if "*" in action]


def test_each_role_may_do_what_its_code_does_and_nothing_else() -> None:
    allowed = {
        name: {action for statement in _statements(role) for action in _listed(statement["Action"])}
        for name, role in ROLES.items()
    }
    assert allowed == ACTIONS
    assert all(statement["Effect"] == "Allow" for role in ROLES.values() for statement in _statements(role))


@pytest.mark.parametrize("role", ROLES)
def test_a_wildcard_resource_stands_only_where_nothing_narrower_exists(role: str) -> None:
    for statement in _statements(ROLES[role]):
        if "*" in json.dumps(statement["Resource"]):
            assert statement["Resource"] == "*"
            assert all(action.startswith(WITHOUT_RESOURCE) for action in _listed(statement["Action"]))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_a_role_and_a_log_group_of_its_own(function: str) -> None:
    properties = FUNCTIONS[function]
    name = function.removesuffix("Function")
    assert properties["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert properties["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}LogGroup"}
    assert RESOURCES[f"{name}LogGroup"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_name_is_the_address(function: str) -> None:
    verb = function.removesuffix("Function").lower()
    assert FUNCTIONS[function]["CodeUri"] == f"functions/{verb}/"
    assert (ROOT / "functions" / verb / "app.py").is_file()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_key_is_in_an_environment_variable(function: str) -> None:
    variables = FUNCTIONS[function]["Environment"]["Variables"]
    assert "resolve:secretsmanager" not in json.dumps(variables)
    assert all(name.endswith("_SECRET") for name in variables if "KEY" in name or "SECRET" in name)


def test_deadlines_nest() -> None:
    machine = json.loads((ROOT / "statemachine" / "query.asl.json").read_text())
    tasks = {name: state for name, state in machine["States"].items() if state["Type"] == "Task"}
    assert len(tasks) == len(FUNCTIONS)
    for state in tasks.values():
        function = state["Resource"].removeprefix("${").removesuffix("Arn}")
        assert FUNCTIONS[function]["Timeout"] < state["TimeoutSeconds"] < machine["TimeoutSeconds"]
    assert machine["TimeoutSeconds"] < 29  # API Gateway's own


def test_every_secret_is_named_after_the_stack() -> None:
    names = [r["Properties"]["Name"] for r in RESOURCES.values() if r["Type"] == "AWS::SecretsManager::Secret"]
    assert [name["Fn::Sub"] for name in names] == [f"${{AWS::StackName}}/{n}" for n in ("openai", "pinecone", "milvus")]


def test_no_execution_data_reaches_a_log() -> None:
    for resource in RESOURCES.values():
        if resource["Type"] == "AWS::Serverless::StateMachine":
            assert resource["Properties"]["Logging"]["IncludeExecutionData"] is False


class RecordingTable:
    """A DynamoDB client that keeps what it is told to write."""

    def __init__(self) -> None:
        self.items: list[dict[str, Any]] = []

    def batch_write_item(self, *, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3 names it so
        self.items += [put["PutRequest"]["Item"] for puts in RequestItems.values() for put in puts]
        return {}


def test_the_table_forgets_by_the_attribute_that_the_cache_writes() -> None:
    table = RESOURCES["EmbeddingCacheTable"]["Properties"]
    recording = RecordingTable()

    DynamoEmbeddingCache("t", 30, client=recording, clock=lambda: 1_000.0).put({"key": vectors.unit([3, 4])})

    (item,) = recording.items
    assert table["TimeToLiveSpecification"]["Enabled"] is True
    assert item[table["TimeToLiveSpecification"]["AttributeName"]] == {"N": str(1_000 + 30 * 86_400)}
    (key,) = table["KeySchema"]
    assert item[key["AttributeName"]] == {"S": "key"}
