"""Rules that the template keeps: least privilege, retention, deadlines that nest."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

from rag import vectors
from rag.adapters.dynamodb_cache import DynamoEmbeddingCache
from rag.adapters.dynamodb_registry import QUERY_TIMEOUT_SECONDS
from rag.adapters.stores import QUERY_DEADLINE_SECONDS
from rag.batches.reranking import BATCH_SECONDS, CALL_SECONDS
from rag.batches.retrying import PAUSES
from rag.objects import BATCHES, BULK, RUNS, STAGING, WATCHED
from ragctl.checks.state_machine import states

ROOT = Path(__file__).parents[2]
TEMPLATE: dict[str, Any] = yaml_parse((ROOT / "template.yaml").read_text())
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTIONS = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::Function"}
ROLES = {name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::IAM::Role"}
STATE_MACHINES = {
    name: r["Properties"] for name, r in RESOURCES.items() if r["Type"] == "AWS::Serverless::StateMachine"
}

# Actions that AWS offers no narrower resource for.
WITHOUT_RESOURCE = ("xray:", "logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy", "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups", "ec2:", "cloudwatch:DescribeAlarms")  # fmt: skip

LOG = {"logs:CreateLogStream", "logs:PutLogEvents"}
TRACE = {"xray:PutTraceSegments", "xray:PutTelemetryRecords"}
USE_KEY = {"kms:Decrypt", "kms:GenerateDataKey"}
JOIN_VPC = {
    "ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses",
}  # fmt: skip
READ_SECRET = {"secretsmanager:GetSecretValue"}
READ_ENTRIES = {"dynamodb:BatchGetItem"}
READ_POINTER = {"dynamodb:GetItem"}
WRITE_ENTRIES = READ_ENTRIES | {"dynamodb:PutItem"}
LIST_ENTRIES = {"dynamodb:Query"}
READ_OBJECTS = {"s3:GetObject", "s3:ListBucket"}
WRITE_OBJECTS = {"s3:PutObject"}
DELETE_OBJECTS = {"s3:DeleteObject"}
USE_CACHE = {"dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"}
FORGET = {"dynamodb:BatchWriteItem"}
LOOK_UP_CALLER = {"dynamodb:GetItem"}
START_ONCE = {"dynamodb:UpdateItem", "states:StartExecution", "states:DescribeExecution"}
RUN_MACHINE = (
    {"lambda:InvokeFunction", "xray:GetSamplingRules", "xray:GetSamplingTargets"}
    | {action for action in WITHOUT_RESOURCE if action.startswith("logs:")}
    | TRACE
)
RUN_MAP = RUN_MACHINE | USE_KEY | {
    "s3:GetObject", "states:StartExecution", "states:DescribeExecution", "states:StopExecution",
}  # fmt: skip
FUNCTION_ACTIONS = {
    "Embed": USE_CACHE | READ_POINTER | READ_SECRET,
    "Search": READ_ENTRIES | READ_SECRET | {"bedrock:InvokeModel"},
    "Compose": set(),
    "Generate": READ_SECRET,
    "Rewrite": READ_SECRET,
    "EmbedBatch": USE_CACHE | READ_POINTER | READ_SECRET | READ_OBJECTS | WRITE_OBJECTS,
    "SearchBatch": READ_ENTRIES | READ_SECRET | READ_OBJECTS | WRITE_OBJECTS | {"bedrock:InvokeModel"},
    "ComposeItem": READ_OBJECTS,
    "GenerateItem": READ_SECRET | WRITE_OBJECTS,
    "CollectBatch": READ_OBJECTS | WRITE_OBJECTS | DELETE_OBJECTS,
    "PlanBatch": READ_OBJECTS | WRITE_OBJECTS,
    "CollectBulk": READ_OBJECTS | WRITE_OBJECTS,
    "ReadDocument": WRITE_ENTRIES | LIST_ENTRIES | READ_POINTER | READ_OBJECTS | WRITE_OBJECTS | DELETE_OBJECTS,
    "ChunkDocument": WRITE_ENTRIES | READ_POINTER | READ_OBJECTS | WRITE_OBJECTS | DELETE_OBJECTS,
    "CopyChunks": READ_ENTRIES | READ_POINTER | READ_OBJECTS | WRITE_OBJECTS | DELETE_OBJECTS | READ_SECRET,
    "EmbedChunks": USE_CACHE | READ_OBJECTS | WRITE_OBJECTS | READ_SECRET,
    "IndexChunks": READ_ENTRIES | READ_OBJECTS | WRITE_OBJECTS | READ_SECRET,
    "PublishVersion": WRITE_ENTRIES | READ_POINTER | READ_OBJECTS | WRITE_OBJECTS | READ_SECRET,
    "RegroupChunks": WRITE_ENTRIES | READ_POINTER | READ_OBJECTS | WRITE_OBJECTS | DELETE_OBJECTS | READ_SECRET,
    "ReapVersions": WRITE_ENTRIES | READ_POINTER | FORGET | READ_OBJECTS | DELETE_OBJECTS | READ_SECRET,
    "FailDocument": WRITE_ENTRIES | LIST_ENTRIES | READ_POINTER | READ_OBJECTS | WRITE_OBJECTS | READ_SECRET,
    "PlanIngest": WRITE_ENTRIES | LIST_ENTRIES | READ_OBJECTS | WRITE_OBJECTS,
    "FinishIngest": WRITE_ENTRIES
    | LIST_ENTRIES
    | READ_POINTER
    | FORGET
    | READ_OBJECTS
    | WRITE_OBJECTS
    | DELETE_OBJECTS
    | READ_SECRET,
    "Doctor": READ_ENTRIES | LIST_ENTRIES | READ_POINTER | READ_SECRET | {"sqs:SendMessage"},
    "Authorize": set(),
    "StartExecution": LOOK_UP_CALLER | START_ONCE,
    "StartBatch": LOOK_UP_CALLER | START_ONCE,
    "ShowResults": LOOK_UP_CALLER | READ_OBJECTS | {"states:DescribeExecution"},
    "ListDocuments": LOOK_UP_CALLER | LIST_ENTRIES,
    "ShowDocument": LOOK_UP_CALLER | READ_ENTRIES,
    "DeleteDocument": LOOK_UP_CALLER | READ_ENTRIES | LIST_ENTRIES | {"states:StartExecution"},
    "UploadDocument": LOOK_UP_CALLER | READ_ENTRIES | LIST_ENTRIES | WRITE_OBJECTS,
}
ACTIONS = {
    f"{name}Role": actions
    | LOG
    | TRACE
    | (JOIN_VPC if name != "Authorize" else set())
    | (USE_KEY if actions else set())
    for name, actions in FUNCTION_ACTIONS.items()
} | {
    "TrafficShiftingRole": {
        "lambda:GetAlias",
        "lambda:UpdateAlias",
        "lambda:GetProvisionedConcurrencyConfig",
        "cloudwatch:DescribeAlarms",
    },
    "ApiRole": {"lambda:InvokeFunction", "states:StartSyncExecution", "states:DescribeExecution"},
    "ApiAccountRole": LOG
    | {"logs:CreateLogGroup", "logs:DescribeLogGroups", "logs:DescribeLogStreams", "logs:GetLogEvents"}
    | {"logs:FilterLogEvents"},
    "QueryStateMachineRole": RUN_MACHINE | USE_KEY | {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    "IngestStateMachineRole": RUN_MACHINE,
    "IngestBulkStateMachineRole": RUN_MAP,
    "BatchStateMachineRole": RUN_MACHINE,
    "BatchBulkStateMachineRole": RUN_MAP,
}
EXECUTIONS = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:"
FUNCTIONS_OF_THE_STACK = "arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${AWS::StackName}-"
AREAS = {"documents", "bulk", "staging", "runs", "batches"}  # of the bucket


def _statements(role: str) -> list[dict[str, Any]]:
    """Return what a role may do, policies that are attached to it from outside included."""
    attached = [
        r["Properties"]
        for r in RESOURCES.values()
        if r["Type"] == "AWS::IAM::Policy" and {"Ref": role} in r["Properties"]["Roles"]
    ]
    policies = [*ROLES[role]["Policies"], *attached]
    statements = [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]
    return [statement["Fn::If"][1] if "Fn::If" in statement else statement for statement in statements]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _objects(role: str, action: str) -> set[str]:
    """Return the areas of the bucket on whose objects a role may do this."""
    statements = [one for one in _statements(role) if action in _listed(one["Action"])]
    return {resource["Fn::Sub"].split("/")[1] for one in statements for resource in _listed(one["Resource"])}


@pytest.mark.parametrize("role", ROLES)
def test_no_role_has_a_wildcard_action_or_a_managed_policy(role: str) -> None:
    assert "ManagedPolicyArns" not in ROLES[role]
    for statement in _statements(role):
        assert not [action for action in _listed(statement["Action"]) if "*" in action]


def test_each_role_may_do_what_its_code_does_and_nothing_else() -> None:
    allowed = {
        name: {action for statement in _statements(name) for action in _listed(statement["Action"])} for name in ROLES
    }
    assert allowed == ACTIONS
    assert all(statement["Effect"] == "Allow" for role in ROLES for statement in _statements(role))


@pytest.mark.parametrize("role", ROLES)
def test_a_wildcard_resource_stands_only_where_nothing_narrower_exists(role: str) -> None:
    """Objects and executions have no names yet when a policy is written: theirs begin with one that is known."""
    for statement in _statements(role):
        for resource in _listed(statement["Resource"]):
            if resource == "*":
                of_the_account = role == "ApiAccountRole"  # as it logs every API of the region
                assert of_the_account or all(
                    action.startswith(WITHOUT_RESOURCE) for action in _listed(statement["Action"])
                )
            elif "*" in json.dumps(resource):
                known = [f"${{DocumentsBucket.Arn}}/{area}/" for area in AREAS]
                known += [FUNCTIONS_OF_THE_STACK]
                known += [f"{EXECUTIONS}${{{machine}.Name}}:" for machine in ("RagStateMachine", "BatchStateMachine")]
                for machine in ("IngestBulkStateMachine", "BatchBulkStateMachine"):
                    known += [f"{EXECUTIONS}${{{machine}.Name}}{separator}" for separator in ":/"]
                known += [f"{EXECUTIONS}${{{machine}.Name}}:" for machine in ("RagStateMachine", "BatchStateMachine")]
                assert resource["Fn::Sub"].removesuffix("*") in known


def test_who_counts_questions_may_write_nothing_else_into_the_table_of_principals() -> None:
    table = {"Fn::GetAtt": ["PrincipalsTable", "Arn"]}
    writing = {
        role: one
        for role in ROLES
        for one in _statements(role)
        if table in _listed(one["Resource"]) and _listed(one["Action"]) != ["dynamodb:GetItem"]
    }
    assert set(writing) == {"QueryStateMachineRole", "StartExecutionRole", "StartBatchRole"}
    for statement in writing.values():
        assert statement["Action"] == "dynamodb:UpdateItem"
        assert statement["Condition"] == {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["count/*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }


def test_what_users_own_is_written_by_signed_forms_and_deleted_by_the_read_state_alone() -> None:
    writing = {role for role in ROLES if _objects(role, "s3:PutObject") & {"documents", "bulk"}}
    deleting = {role for role in ROLES if _objects(role, "s3:DeleteObject") & {"documents", "bulk"}}

    assert (writing, deleting) == ({"UploadDocumentRole"}, {"ReadDocumentRole"})
    assert _objects("UploadDocumentRole", "s3:PutObject") == {"documents"}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_lists_of_the_bucket_what_it_reads_or_clears(role: str) -> None:
    """Without the right to list, a missing object counts as a forbidden one."""
    listings = [one for one in _statements(role) if "s3:ListBucket" in _listed(one["Action"])]
    prefixes = {
        prefix.removesuffix("/*")
        for one in listings
        for prefix in _listed(one["Condition"]["StringLikeIfExists"]["s3:prefix"])
    }
    of_its_own = _objects(role, "s3:GetObject") | _objects(role, "s3:DeleteObject")
    assert prefixes == of_its_own or ACTIONS[role] == RUN_MAP


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_has_a_role_and_a_log_group_of_its_own(function: str) -> None:
    properties = FUNCTIONS[function]
    name = function.removesuffix("Function")
    assert properties["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}
    assert properties["LoggingConfig"]["LogGroup"] == {"Ref": f"{name}LogGroup"}
    assert RESOURCES[f"{name}LogGroup"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_name_is_the_address(function: str) -> None:
    verb = re.sub("(?<!^)(?=[A-Z])", "_", function.removesuffix("Function")).lower()
    assert FUNCTIONS[function]["CodeUri"] == f"functions/{verb}/"
    assert (ROOT / "functions" / verb / "app.py").is_file()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_key_is_in_an_environment_variable(function: str) -> None:
    variables = FUNCTIONS[function]["Environment"]["Variables"]
    assert "resolve:secretsmanager" not in json.dumps(variables)
    assert all(name.endswith("_SECRET") for name in variables if "KEY" in name or "SECRET" in name)


@pytest.mark.parametrize("machine", STATE_MACHINES)
def test_deadlines_nest(machine: str) -> None:
    definition = json.loads((ROOT / STATE_MACHINES[machine]["DefinitionUri"]).read_text())
    tasks = [state for _, state in states(definition) if state["Type"] == "Task"]
    assert tasks
    for state in tasks:
        function = state["Resource"].removeprefix("${").removesuffix("Arn}")
        assert state["TimeoutSeconds"] < definition["TimeoutSeconds"]
        if not function.startswith("arn:"):  # a table is asked without a function
            assert FUNCTIONS[function]["Timeout"] < state["TimeoutSeconds"]


def test_a_search_that_goes_deeper_ends_within_its_function_s_time() -> None:
    source = (ROOT / "functions" / "search" / "app.py").read_text()
    legs = float(re.search(r"LEGS_SECONDS: Final = ([\d.]+)", source)[1])  # type: ignore[index]
    first_round, reranking = QUERY_DEADLINE_SECONDS + QUERY_TIMEOUT_SECONDS, 3
    assert max(legs, first_round) + QUERY_DEADLINE_SECONDS + reranking < FUNCTIONS["SearchFunction"]["Timeout"]


def test_a_batch_is_searched_and_reranked_within_its_function_s_time() -> None:
    assert FUNCTIONS["SearchBatchFunction"]["Timeout"] >= BATCH_SECONDS + CALL_SECONDS + 4 * 20


def test_an_answer_that_is_paid_for_can_be_written_thrice_within_its_function_s_time() -> None:
    source = (ROOT / "functions" / "generate_item" / "app.py").read_text()
    seconds = float(re.search(r"BUCKET_SECONDS: Final = ([\d.]+)", source)[1])  # type: ignore[index]
    assert 18 + (len(PAUSES) + 1) * seconds + sum(PAUSES) < FUNCTIONS["GenerateItemFunction"]["Timeout"]


def test_a_query_ends_before_api_gateway_gives_up() -> None:
    assert json.loads((ROOT / "statemachine" / "query.asl.json").read_text())["TimeoutSeconds"] < 29


def test_every_function_is_a_state_or_scheduled_or_behind_the_api() -> None:
    substituted = {
        name.removesuffix("Arn") for one in STATE_MACHINES.values() for name in one["DefinitionSubstitutions"]
    }
    (invoking,) = [one for one in _statements("ApiRole") if one["Action"] == "lambda:InvokeFunction"]
    behind = {name for name in FUNCTIONS if f'"{name}.Alias"' in json.dumps(invoking["Resource"])}
    assert set(FUNCTIONS) - substituted - behind == {"DoctorFunction"}
    assert behind.isdisjoint(substituted)


@pytest.mark.parametrize("machine", STATE_MACHINES)
def test_a_machine_may_invoke_its_own_functions_alone(machine: str) -> None:
    substitutions = STATE_MACHINES[machine]["DefinitionSubstitutions"].values()
    role = STATE_MACHINES[machine]["Role"]["Fn::GetAtt"][0]
    (invoking,) = [one for one in _statements(role) if one["Action"] == "lambda:InvokeFunction"]
    aliases = [value["Ref"] for value in substitutions if value["Ref"].endswith(".Alias")]
    assert sorted(resource["Ref"] for resource in invoking["Resource"]) == sorted(aliases)


def test_what_extracts_and_chunks_has_the_layer_for_it_and_nobody_else() -> None:
    having = {name for name, one in FUNCTIONS.items() if {"Ref": "IngestLayer"} in one["Layers"]}
    assert having == {"ReadDocumentFunction", "ChunkDocumentFunction"}


def test_whoever_opens_the_index_has_its_secret_and_its_client() -> None:
    with_layer = {name for name, one in FUNCTIONS.items() if "MilvusLayer" in json.dumps(one["Layers"])}
    with_secret = {
        f"{role.removesuffix('Role')}Function" for role in ROLES if "PineconeSecret" in json.dumps(_statements(role))
    }
    assert with_layer == with_secret


def test_one_machine_starts_for_what_changes_below_documents_and_for_what_is_deleted_below_bulk() -> None:
    rules = [
        (name, event["Properties"]) for name, one in STATE_MACHINES.items() for event in one.get("Events", {}).values()
    ]
    started = {}
    for machine, rule in rules:
        assert machine == "IngestStateMachine"
        assert rule["Pattern"]["detail"]["bucket"]["name"] == [{"Ref": "DocumentsBucket"}]
        assert "Arn" in rule["DeadLetterConfig"]
        [key] = rule["Pattern"]["detail"]["object"]["key"]
        started[key["prefix"]] = rule["Pattern"]["detail-type"]
    assert started == {WATCHED: ["Object Created", "Object Deleted"], BULK: ["Object Deleted"]}


def test_what_answers_batches_reaches_nothing_else_in_the_bucket() -> None:
    in_machines = set(FUNCTION_ACTIONS) - {"StartBatch"}
    of_batches = [f"{name}Role" for name in sorted(in_machines) if name.endswith(("Batch", "Item"))]
    of_batches += ["CollectBulkRole", "BatchBulkStateMachineRole"]
    assert len(of_batches) == 8
    reached = {
        area for role in of_batches for action in ("s3:GetObject", "s3:PutObject") for area in _objects(role, action)
    }
    assert reached == {"batches"}
    assert _objects("ShowResultsRole", "s3:GetObject") == {"batches"}
    others = set(ROLES) - set(of_batches) - {"ShowResultsRole"}
    assert not [role for role in others if "batches" in _objects(role, "s3:GetObject") | _objects(role, "s3:PutObject")]


@pytest.mark.parametrize(
    ("batched", "single"), [("EmbedBatch", "Embed"), ("SearchBatch", "Search"), ("GenerateItem", "Generate")]
)
def test_a_batch_is_answered_with_the_settings_of_a_single_query(batched: str, single: str) -> None:
    settings = {name: FUNCTIONS[f"{name}Function"]["Environment"]["Variables"] for name in (batched, single)}
    assert settings[batched].items() >= settings[single].items()


def test_what_users_own_outlives_the_stack() -> None:
    for name in ("RegistryTable", "DocumentsBucket"):
        assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Retain"
    table = RESOURCES["RegistryTable"]["Properties"]
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True


def test_the_bucket_is_closed_and_forgets() -> None:
    bucket = RESOURCES["DocumentsBucket"]["Properties"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["VersioningConfiguration"]["Status"] == "Enabled"
    rules = {rule["Prefix"]: rule for rule in bucket["LifecycleConfiguration"]["Rules"]}
    assert {prefix: rule.get("ExpirationInDays") for prefix, rule in rules.items()} == {
        STAGING: 3,
        RUNS: 30,
        BATCHES: 7,
        "": None,
    }
    assert all("NoncurrentVersionExpiration" in rule for rule in rules.values())
    (denial,) = RESOURCES["DocumentsBucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    assert (denial["Effect"], denial["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_the_alarm_watches_the_metric_that_the_doctor_counts() -> None:
    alarm = RESOURCES["DoctorAlarm"]["Properties"]
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    assert alarm["Namespace"] == variables["POWERTOOLS_METRICS_NAMESPACE"]
    assert alarm["Dimensions"] == [{"Name": "service", "Value": variables["POWERTOOLS_SERVICE_NAME"]}]
    counted = (ROOT / "functions" / "doctor" / "app.py").read_text()
    assert re.sub("(?<!^)(?=[A-Z])", "_", alarm["MetricName"]).lower() + "=" in counted


def test_every_secret_is_named_after_the_stack() -> None:
    names = [r["Properties"]["Name"] for r in RESOURCES.values() if r["Type"] == "AWS::SecretsManager::Secret"]
    assert [name["Fn::Sub"] for name in names] == [
        f"${{AWS::StackName}}/{n}" for n in ("openai", "pinecone", "milvus", "rerank")
    ]


def test_no_execution_data_reaches_a_log() -> None:
    for machine in STATE_MACHINES.values():
        assert machine["Logging"]["IncludeExecutionData"] is False


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
