"""How to find a created resource again: by its physical id, through the API of its service."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import jmespath

from ragctl.local.account import REGION


@dataclass(frozen=True)
class Resource:
    """A resource of a stack: what the template asks for, intrinsic functions resolved, and what it has become."""

    logical_id: str
    type: str
    physical_id: str
    properties: Mapping[str, Any]


@dataclass(frozen=True)
class Lookup:
    """A call that shows a resource: then `shown`, in JMESPath with {id} for its id, is true of the answer."""

    service: str
    operation: str
    arguments: Callable[[Resource], dict[str, Any]]
    shown: str = "@"


def absence(resource: Resource) -> str | None:
    """Return why the resource cannot be found, or None: it is there."""
    lookup = LOOKUPS.get(resource.type)
    if lookup is None:
        return "nothing looks for resources of this type"
    try:
        answer = getattr(client(lookup.service), lookup.operation)(**lookup.arguments(resource))
    except Exception as error:  # noqa: BLE001 - whatever keeps it from being shown, moto's own mistakes included
        return f"{lookup.service} {lookup.operation}: {type(error).__name__}: {error}"
    if not jmespath.search(lookup.shown.replace("{id}", resource.physical_id), answer):
        return f"{lookup.service} {lookup.operation} does not show {resource.physical_id}"
    return None


@cache
def client(service: str) -> Any:
    """Return a client of the account that moto imitates."""
    return boto3.client(service, region_name=REGION)


def _by(argument: str) -> Callable[[Resource], dict[str, Any]]:
    return lambda resource: {argument: resource.physical_id}


def _by_list(argument: str) -> Callable[[Resource], dict[str, Any]]:
    return lambda resource: {argument: [resource.physical_id]}


def _with(**arguments: str) -> Callable[[Resource], dict[str, Any]]:
    """Take arguments from properties."""
    return lambda resource: {name: resource.properties[source] for name, source in arguments.items()}


def _of_parent(parent: str, argument: str, source: str) -> Callable[[Resource], dict[str, Any]]:
    """Take the parent from a property, and the physical id as what is looked for there."""
    return lambda resource: {parent: resource.properties[source], argument: resource.physical_id}


def _version(resource: Resource) -> dict[str, Any]:
    function, _, version = resource.physical_id.rpartition(":")
    return {"FunctionName": function, "Qualifier": version}


def _layer_version(resource: Resource) -> dict[str, Any]:
    layer, _, version = resource.physical_id.rpartition(":")
    return {"LayerName": layer, "VersionNumber": int(version)}


def _role_policy(resource: Resource) -> dict[str, Any]:
    return {"RoleName": resource.properties["Roles"][0], "PolicyName": resource.properties["PolicyName"]}


def _web_acl(resource: Resource) -> dict[str, Any]:
    name, web_acl_id, scope = resource.physical_id.split("|")
    return {"Name": name, "Id": web_acl_id, "Scope": scope}


def _filtered(**sources: str) -> Callable[[Resource], dict[str, Any]]:
    """Take EC2's filters from properties; in their names __ stands for a dot, _ for a hyphen."""
    names = {name.replace("__", ".").replace("_", "-"): source for name, source in sources.items()}
    return lambda resource: {
        "Filters": [{"Name": name, "Values": [resource.properties[source]]} for name, source in names.items()]
    }


LOOKUPS: Mapping[str, Lookup] = {
    "AWS::ApiGateway::Account": Lookup("apigateway", "get_account", lambda _: {}, "cloudwatchRoleArn"),
    "AWS::ApiGateway::BasePathMapping": Lookup(
        "apigateway", "get_base_path_mappings", _with(domainName="DomainName"), "items"
    ),
    "AWS::ApiGateway::Deployment": Lookup(
        "apigateway", "get_deployment", _of_parent("restApiId", "deploymentId", "RestApiId")
    ),
    "AWS::ApiGateway::DomainName": Lookup("apigateway", "get_domain_name", _by("domainName")),
    "AWS::ApiGateway::RestApi": Lookup("apigateway", "get_resources", _by("restApiId"), "items[?resourceMethods]"),
    "AWS::ApiGateway::Stage": Lookup("apigateway", "get_stage", _of_parent("restApiId", "stageName", "RestApiId")),
    "AWS::ApiGateway::UsagePlan": Lookup("apigateway", "get_usage_plan", _by("usagePlanId")),
    "AWS::CloudTrail::Trail": Lookup("cloudtrail", "get_trail", _by("Name")),
    "AWS::CloudWatch::Alarm": Lookup("cloudwatch", "describe_alarms", _by_list("AlarmNames"), "MetricAlarms"),
    "AWS::CloudWatch::Dashboard": Lookup("cloudwatch", "get_dashboard", _by("DashboardName")),
    "AWS::CodeDeploy::Application": Lookup("codedeploy", "get_application", _by("applicationName")),
    "AWS::CodeDeploy::DeploymentGroup": Lookup(
        "codedeploy", "get_deployment_group", _of_parent("applicationName", "deploymentGroupName", "ApplicationName")
    ),
    "AWS::DynamoDB::Table": Lookup("dynamodb", "describe_table", _by("TableName")),
    "AWS::EC2::EIP": Lookup("ec2", "describe_addresses", _by_list("PublicIps"), "Addresses"),
    "AWS::EC2::InternetGateway": Lookup(
        "ec2", "describe_internet_gateways", _by_list("InternetGatewayIds"), "InternetGateways"
    ),
    "AWS::EC2::NatGateway": Lookup("ec2", "describe_nat_gateways", _by_list("NatGatewayIds"), "NatGateways"),
    "AWS::EC2::Route": Lookup(
        "ec2",
        "describe_route_tables",
        _filtered(route_table_id="RouteTableId", route__destination_cidr_block="DestinationCidrBlock"),
        "RouteTables",
    ),
    "AWS::EC2::RouteTable": Lookup("ec2", "describe_route_tables", _by_list("RouteTableIds"), "RouteTables"),
    "AWS::EC2::SecurityGroup": Lookup("ec2", "describe_security_groups", _by_list("GroupIds"), "SecurityGroups"),
    "AWS::EC2::SecurityGroupEgress": Lookup(
        "ec2", "describe_security_group_rules", _by_list("SecurityGroupRuleIds"), "SecurityGroupRules"
    ),
    "AWS::EC2::SecurityGroupIngress": Lookup(
        "ec2",
        "describe_security_groups",
        lambda one: {"GroupIds": [one.properties["GroupId"]]},
        "SecurityGroups[].IpPermissions[]",
    ),
    "AWS::EC2::Subnet": Lookup("ec2", "describe_subnets", _by_list("SubnetIds"), "Subnets"),
    "AWS::EC2::SubnetRouteTableAssociation": Lookup(
        "ec2",
        "describe_route_tables",
        _filtered(route_table_id="RouteTableId", association__subnet_id="SubnetId"),
        "RouteTables",
    ),
    "AWS::EC2::VPC": Lookup("ec2", "describe_vpcs", _by_list("VpcIds"), "Vpcs"),
    "AWS::EC2::VPCGatewayAttachment": Lookup(
        "ec2",
        "describe_internet_gateways",
        _filtered(internet_gateway_id="InternetGatewayId", attachment__vpc_id="VpcId"),
        "InternetGateways",
    ),
    "AWS::EC2::VPCEndpoint": Lookup("ec2", "describe_vpc_endpoints", _by_list("VpcEndpointIds"), "VpcEndpoints"),
    "AWS::Events::Rule": Lookup("events", "describe_rule", _by("Name")),
    "AWS::IAM::Policy": Lookup("iam", "get_role_policy", _role_policy),
    "AWS::IAM::Role": Lookup("iam", "get_role", _by("RoleName")),
    "AWS::KMS::Alias": Lookup("kms", "describe_key", _by("KeyId")),
    "AWS::KMS::Key": Lookup("kms", "describe_key", _by("KeyId")),
    "AWS::Lambda::Alias": Lookup(
        "lambda", "get_alias", lambda one: {"FunctionName": one.physical_id.rpartition(":")[0], "Name": "live"}
    ),
    "AWS::Lambda::EventInvokeConfig": Lookup(
        "lambda", "get_function_event_invoke_config", _with(FunctionName="FunctionName")
    ),
    "AWS::Lambda::Function": Lookup("lambda", "get_function", _by("FunctionName")),
    "AWS::Lambda::LayerVersion": Lookup("lambda", "get_layer_version", _layer_version),
    "AWS::Lambda::Permission": Lookup("lambda", "get_policy", _with(FunctionName="FunctionName"), "Policy"),
    "AWS::Lambda::Version": Lookup("lambda", "get_function", _version),
    "AWS::Logs::LogGroup": Lookup(
        "logs",
        "describe_log_groups",
        _by("logGroupNamePrefix"),
        "logGroups[?logGroupName=='{id}']",
    ),
    "AWS::Route53::HostedZone": Lookup("route53", "get_hosted_zone", _by("Id")),
    "AWS::Route53::RecordSet": Lookup(
        "route53",
        "list_resource_record_sets",
        _with(HostedZoneId="HostedZoneId", StartRecordName="Name"),
        "ResourceRecordSets[?starts_with(Name, '{id}')]",
    ),
    "AWS::S3::Bucket": Lookup("s3", "head_bucket", _by("Bucket")),
    "AWS::S3::BucketPolicy": Lookup("s3", "get_bucket_policy", _with(Bucket="Bucket"), "Policy"),
    "AWS::SNS::Subscription": Lookup("sns", "get_subscription_attributes", _by("SubscriptionArn"), "Attributes"),
    "AWS::SNS::Topic": Lookup("sns", "get_topic_attributes", _by("TopicArn"), "Attributes"),
    "AWS::SNS::TopicPolicy": Lookup(
        "sns", "get_topic_attributes", lambda one: {"TopicArn": one.properties["Topics"][0]}, "Attributes.Policy"
    ),
    "AWS::SQS::Queue": Lookup("sqs", "get_queue_attributes", _by("QueueUrl")),
    "AWS::SQS::QueuePolicy": Lookup(
        "sqs",
        "get_queue_attributes",
        lambda one: {"QueueUrl": one.properties["Queues"][0], "AttributeNames": ["Policy"]},
        "Attributes.Policy",
    ),
    "AWS::SecretsManager::RotationSchedule": Lookup(
        "secretsmanager", "describe_secret", _with(SecretId="SecretId"), "RotationEnabled"
    ),
    "AWS::SecretsManager::Secret": Lookup("secretsmanager", "describe_secret", _by("SecretId")),
    "AWS::StepFunctions::StateMachine": Lookup("stepfunctions", "describe_state_machine", _by("stateMachineArn")),
    "AWS::WAFv2::WebACL": Lookup("wafv2", "get_web_acl", _web_acl),
    "AWS::WAFv2::WebACLAssociation": Lookup(
        "wafv2", "get_web_acl_for_resource", _with(ResourceArn="ResourceArn"), "WebACL"
    ),
}
