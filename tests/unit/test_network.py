"""The network and the governance that parameters switch on: everything by default off, and complete when on."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ragctl.checks.translated import PARAMETERS
from ragctl.local.translation import TemplateError, prepare, read_template, translate

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
IN_VPC = {"NetworkMode": "create"}
# It asks the issuer of tokens for its keys, on the internet, and reads no data.
OUTSIDE = {"AuthorizeFunction"}
COSTS_MONEY = (
    "AWS::EC2::",
    "AWS::KMS::",
    "AWS::CloudTrail::",
    "AWS::CodeDeploy::",
    "AWS::Route53::",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::WAFv2::",
)
NO_VALUE = {"Ref": "AWS::NoValue"}


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    return translate(TEMPLATE, PARAMETERS).template


def holds(template: dict[str, Any], condition: str, **parameters: str) -> bool:
    """Evaluate a condition of the template with these parameters and the defaults of all others."""
    values = {name: str(one.get("Default", "")) for name, one in template["Parameters"].items()} | parameters

    def value(node: Any) -> str:
        match node:
            case {"Ref": str(name)}:
                return values[name]
            case {"Fn::Join": [str(separator), inner]}:
                return separator.join(value(inner).split(","))
        return str(node)

    def truth(node: Any) -> bool:
        match node:
            case {"Condition": str(name)}:
                return truth(template["Conditions"][name])
            case {"Fn::Equals": [left, right]}:
                return value(left) == value(right)
            case {"Fn::Not": [inner]}:
                return not truth(inner)
            case {"Fn::And": inner}:
                return all(map(truth, inner))
            case {"Fn::Or": inner}:
                return any(map(truth, inner))
        raise AssertionError(node)

    return truth(template["Conditions"][condition])


def existing(template: dict[str, Any], **parameters: str) -> dict[str, dict[str, Any]]:
    """Return the resources that exist with these parameters."""
    return {
        name: resource
        for name, resource in template["Resources"].items()
        if "Condition" not in resource or holds(template, resource["Condition"], **parameters)
    }


def of_type(resources: dict[str, dict[str, Any]], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    return ((name, one["Properties"]) for name, one in resources.items() if one["Type"] == kind)


def test_nothing_that_costs_money_while_idle_is_on_by_default(template: dict[str, Any]) -> None:
    costly = [name for name, one in existing(template).items() if one["Type"].startswith(COSTS_MONEY)]
    assert costly == []


def test_every_function_runs_in_the_vpc_when_there_is_one(template: dict[str, Any]) -> None:
    for name, function in of_type(template["Resources"], "AWS::Lambda::Function"):
        if name in OUTSIDE:
            assert function.get("VpcConfig", NO_VALUE) == NO_VALUE
            continue
        condition, inside, outside = function["VpcConfig"]["Fn::If"]
        assert (condition, outside) == ("InVpc", NO_VALUE)
        assert inside["SecurityGroupIds"] == [{"Ref": "FunctionsSecurityGroup"}]


def test_whoever_runs_in_the_vpc_may_have_network_interfaces_made_and_its_code_may_not(
    template: dict[str, Any],
) -> None:
    for name, function in of_type(template["Resources"], "AWS::Lambda::Function"):
        role = template["Resources"][function["Role"]["Fn::GetAtt"][0]]["Properties"]
        statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
        joining = [one["Fn::If"] for one in statements if "ec2:CreateNetworkInterface" in json.dumps(one)]
        if name in OUTSIDE:
            assert joining == []
            continue
        ((condition, statement, otherwise),) = joining
        assert (condition, otherwise) == ("InVpc", NO_VALUE)
        assert statement["Condition"] == {"Null": {"lambda:SourceFunctionArn": "true"}}


def test_a_made_vpc_has_private_subnets_in_two_zones_and_one_way_out(template: dict[str, Any]) -> None:
    resources = existing(template, **IN_VPC)
    zones = {subnet["AvailabilityZone"]["Fn::Select"][0] for _, subnet in of_type(resources, "AWS::EC2::Subnet")}
    assert zones == {0, 1}
    assert [name for name, _ in of_type(resources, "AWS::EC2::NatGateway")] == ["NatGateway"]
    assert not [subnet for _, subnet in of_type(resources, "AWS::EC2::Subnet") if subnet.get("MapPublicIpOnLaunch")]


def test_without_nat_nothing_leads_to_the_internet(template: dict[str, Any]) -> None:
    resources = existing(template, **IN_VPC, CreateNat="false")
    kinds = {one["Type"] for one in resources.values()}
    assert not kinds & {"AWS::EC2::NatGateway", "AWS::EC2::InternetGateway", "AWS::EC2::Route", "AWS::EC2::EIP"}


def services(template: dict[str, Any], **parameters: str) -> set[str]:
    named = [one["ServiceName"] for _, one in of_type(existing(template, **parameters), "AWS::EC2::VPCEndpoint")]
    return {name["Fn::Sub"].split(".")[-1] if "Fn::Sub" in name else name["Ref"] for name in named}


@pytest.mark.parametrize(
    ("parameters", "endpoints"),
    [
        ({}, set()),
        (IN_VPC, {"s3", "dynamodb", "secretsmanager", "states", "logs", "xray"}),
        ({**IN_VPC, "TelemetryEndpoints": "false"}, {"s3", "dynamodb", "secretsmanager", "states"}),
        (
            {**IN_VPC, "Reranker": "bedrock", "TelemetryEndpoints": "false"},
            {"s3", "dynamodb", "secretsmanager", "states", "bedrock-runtime"},
        ),
        ({"NetworkMode": "existing", "VpcId": "vpc-0a"}, set()),
        ({"NetworkMode": "existing", "VpcId": "vpc-0a", "PrivateRouteTableIds": "rtb-1,rtb-2"}, {"s3", "dynamodb"}),
        (
            {"NetworkMode": "existing", "VpcId": "vpc-0a", "CreateEndpoints": "true"},
            {"secretsmanager", "states", "logs", "xray"},
        ),
        (
            {"NetworkMode": "existing", "VectorStoreEndpointService": "com.amazonaws.vpce.x.vpce-svc-0"},
            {"VectorStoreEndpointService"},
        ),
    ],
)
def test_the_endpoints_are_those_that_were_asked_for(
    template: dict[str, Any], parameters: dict[str, str], endpoints: set[str]
) -> None:
    assert services(template, **parameters) == endpoints


def test_the_endpoints_of_a_made_vpc_let_through_what_the_roles_may_do_and_no_other_bucket(
    template: dict[str, Any],
) -> None:
    endpoints = dict(of_type(template["Resources"], "AWS::EC2::VPCEndpoint"))
    condition, policy, otherwise = endpoints["S3Endpoint"]["PolicyDocument"]["Fn::If"]
    (statement,) = policy["Statement"]
    assert (condition, otherwise) == ("MakesVpc", NO_VALUE)
    assert {json.dumps(one) for one in statement["Resource"]} == {
        json.dumps({"Fn::GetAtt": ["DocumentsBucket", "Arn"]}),
        json.dumps({"Fn::Sub": "${DocumentsBucket.Arn}/*"}),
    }
    used: set[str] = set()
    for name, role in of_type(template["Resources"], "AWS::IAM::Role"):
        if name.endswith("StateMachineRole"):
            continue  # Step Functions and API Gateway call from outside the VPC
        text = json.dumps(role)
        used |= {part for part in text.replace('"', " ").replace(",", " ").split() if part.startswith("dynamodb:")}
    gateway = endpoints["DynamoDBEndpoint"]["PolicyDocument"]["Fn::If"][1]["Statement"][0]
    assert used - {"dynamodb:LeadingKeys"} <= set(gateway["Action"])  # that one is a condition's key


def test_security_groups_let_nothing_in_but_the_functions_into_the_endpoints(template: dict[str, Any]) -> None:
    groups = dict(of_type(template["Resources"], "AWS::EC2::SecurityGroup"))
    assert "SecurityGroupIngress" not in groups["FunctionsSecurityGroup"]
    (ingress,) = groups["EndpointsSecurityGroup"]["SecurityGroupIngress"]
    assert ingress["SourceSecurityGroupId"] == {"Fn::GetAtt": ["FunctionsSecurityGroup", "GroupId"]}
    assert {egress["FromPort"] for group in groups.values() for egress in group["SecurityGroupEgress"]} == {443}


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"NetworkMode": "create", "CreateNat": "false"}, "leaves no way to api.openai.com"),
        ({"NetworkMode": "existing"}, "needs VpcId"),
        ({"VectorStoreEndpointService": "com.amazonaws.vpce.eu-west-1.vpce-svc-0a"}, "needs NetworkMode"),
        (
            {"CreateKmsKey": "true", "KmsKeyArn": "arn:aws:kms:eu-west-1:123456789012:key/a"},
            "Either CreateKmsKey=true or KmsKeyArn",
        ),
    ],
)
def test_parameters_that_cannot_work_are_refused(parameters: dict[str, str], told: str) -> None:
    with pytest.raises(TemplateError, match=told):
        prepare(TEMPLATE, read_template(TEMPLATE), PARAMETERS | parameters)


def test_every_role_has_the_boundary(template: dict[str, Any]) -> None:
    """Those that SAM makes for events as well."""
    translated = translate(TEMPLATE, PARAMETERS | {"DeploymentPreference": "Canary10Percent5Minutes"}).template
    roles = dict(of_type(translated["Resources"], "AWS::IAM::Role"))
    assert "IngestStateMachineDocumentChangedRole" in roles
    without = [name for name, role in roles.items() if "HasBoundary" not in json.dumps(role.get("PermissionsBoundary"))]
    assert without == []


KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "AWS::DynamoDB::Table": lambda one: one["SSESpecification"]["KMSMasterKeyId"],
    "AWS::S3::Bucket": lambda one: one["BucketEncryption"]["ServerSideEncryptionConfiguration"][0][
        "ServerSideEncryptionByDefault"
    ]["KMSMasterKeyID"],
    "AWS::Logs::LogGroup": lambda one: one["KmsKeyId"],
    "AWS::SecretsManager::Secret": lambda one: one["KmsKeyId"],
    "AWS::SQS::Queue": lambda one: one["KmsMasterKeyId"],
    "AWS::SNS::Topic": lambda one: one["KmsMasterKeyId"],
    "AWS::CloudTrail::Trail": lambda one: one["KMSKeyId"],
}


@pytest.mark.parametrize("kind", KEYS)
def test_whatever_keeps_data_keeps_it_under_the_key_when_there_is_one(template: dict[str, Any], kind: str) -> None:
    kept = dict(of_type(template["Resources"], kind))
    assert kept
    for resource in kept.values():
        condition, key, otherwise = KEYS[kind](resource)["Fn::If"]
        assert (condition, otherwise) == ("HasKey", NO_VALUE)
        assert key == {"Fn::If": ["MakesKey", {"Fn::GetAtt": ["DataKey", "Arn"]}, {"Ref": "KmsKeyArn"}]}


def test_whoever_reads_or_writes_what_is_encrypted_may_use_the_key(template: dict[str, Any]) -> None:
    for name, role in of_type(template["Resources"], "AWS::IAM::Role"):
        text = json.dumps(role["Policies"])
        data = any(f'"{service}:' in text for service in ("dynamodb", "s3", "secretsmanager", "sqs"))
        assert ("kms:Decrypt" in text) is data, name


def test_the_key_outlives_what_it_has_encrypted(template: dict[str, Any]) -> None:
    key = template["Resources"]["DataKey"]
    assert key["DeletionPolicy"] == key["UpdateReplacePolicy"] == "Retain"
    assert key["Properties"]["EnableKeyRotation"] is True


def test_the_key_takes_eventbridge_s_word_without_what_it_does_not_say(template: dict[str, Any]) -> None:
    """EventBridge sends neither aws:SourceAccount nor aws:SourceArn to KMS; a dead letter would be lost."""
    statements = template["Resources"]["DataKey"]["Properties"]["KeyPolicy"]["Statement"]
    by_service = {
        one["Principal"]["Service"]: one
        for one in statements
        if "AWS" not in one["Principal"] and one["Sid"] != "LogGroups"
    }
    events, alarms = by_service["events.amazonaws.com"], by_service["cloudwatch.amazonaws.com"]
    assert "Condition" not in events
    assert set(events["Action"]) == {"kms:Decrypt", "kms:GenerateDataKey"}
    assert alarms["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    ((_, policy),) = of_type(template["Resources"], "AWS::SQS::QueuePolicy")
    senders = [one for one in policy["PolicyDocument"]["Statement"] if one["Effect"] == "Allow"]
    assert senders
    assert all("aws:SourceArn" in json.dumps(one["Condition"]) for one in senders)


def test_the_trail_records_objects_items_and_invocations_and_outlives_the_stack(template: dict[str, Any]) -> None:
    resources = existing(template, CloudTrail="true")
    selectors = resources["Trail"]["Properties"]["AdvancedEventSelectors"]
    fields = [field["Equals"][0] for one in selectors for field in one["FieldSelectors"] if "Equals" in field]
    assert {"Management", "AWS::S3::Object", "AWS::DynamoDB::Table", "AWS::Lambda::Function"} <= set(fields)
    assert resources["TrailBucket"]["DeletionPolicy"] == "Retain"


def test_each_secret_rotates_where_it_exists_and_a_function_is_named(template: dict[str, Any]) -> None:
    rotating = {"SecretRotationFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:rotate"}
    for store, names in (
        ("pinecone", {"OpenAISecret", "PineconeSecret"}),
        ("milvus", {"OpenAISecret", "MilvusSecret"}),
    ):
        resources = existing(template, **rotating, VectorStore=store)
        schedules = [one for _, one in of_type(resources, "AWS::SecretsManager::RotationSchedule")]
        assert {one["SecretId"]["Ref"] for one in schedules} == names
        assert {one["RotateImmediatelyOnUpdate"] for one in schedules} == {False}


def test_concurrency_is_reserved_for_every_function_by_its_part_and_for_none_by_default(
    template: dict[str, Any],
) -> None:
    parts: dict[str, int] = {}
    for _, function in of_type(template["Resources"], "AWS::Lambda::Function"):
        condition, reserved, otherwise = function["ReservedConcurrentExecutions"]["Fn::If"]
        assert otherwise == NO_VALUE
        assert not holds(template, condition)
        assert holds(template, condition, **{reserved["Ref"]: "5"})
        parts[reserved["Ref"]] = parts.get(reserved["Ref"], 0) + 1
    assert {"QueryConcurrency", "BatchConcurrency", "IngestionConcurrency"} <= set(parts)
