"""Creators of what moto's services know and its CloudFormation skips, through the services' own APIs.

They stand beside the local stack's own (`ragctl.local.resources`), which creates only what it runs.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from ragctl.local.resources import Properties, Resource
from ragctl.rehearsal.lookups import client
from ragctl.rehearsal.requests import request
from ragctl.rehearsal.rest_api import create_methods

Creator = Callable[[str, Properties], Resource]


def _called(service: str, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Call the API with properties, and return its answer."""
    api = client(service)
    answer: dict[str, Any] = getattr(api, operation)(**request(api, operation, properties))
    return answer


def _without(properties: Properties, *names: str) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}


def _rest_api(name: str, properties: Properties) -> Resource:
    """Create an API with the methods of its body, which moto's CloudFormation ignores."""
    described = {"Name": name, **_without(properties, "Body", "Parameters", "FailOnWarnings", "Mode")}
    api_id = _called("apigateway", "create_rest_api", described)["id"]
    create_methods(api_id, properties["Body"])
    (root,) = [one for one in client("apigateway").get_resources(restApiId=api_id)["items"] if one["path"] == "/"]
    return Resource(api_id, {"RestApiId": api_id, "RootResourceId": root["id"]})


def _deployment(_name: str, properties: Properties) -> Resource:
    deployment = _called("apigateway", "create_deployment", _without(properties, "StageName", "StageDescription"))
    return Resource(deployment["id"], {"DeploymentId": deployment["id"]})


def _stage(_name: str, properties: Properties) -> Resource:
    _called("apigateway", "create_stage", _without(properties, "AccessLogSetting", "MethodSettings"))
    api, stage = properties["RestApiId"], properties["StageName"]
    settings = _stage_settings(properties)
    client("apigateway").update_stage(restApiId=api, stageName=stage, patchOperations=settings)
    return Resource(stage)


def _stage_settings(properties: Properties) -> list[dict[str, str]]:
    """Return as patches what the API takes only so."""
    values = {}
    if log := properties.get("AccessLogSetting"):
        values = {
            "/accessLogSettings/destinationArn": log["DestinationArn"],
            "/accessLogSettings/format": log["Format"],
        }
    for setting in properties.get("MethodSettings", []):
        resource, method = setting["ResourcePath"].replace("/", "~1", 1), setting["HttpMethod"]
        for name, path in _METHOD_SETTINGS.items():
            if name in setting:
                values[f"{resource.replace('~1*', '/*')}/{method}/{path}"] = setting[name]
    return [{"op": "replace", "path": path, "value": _text(value)} for path, value in values.items()]


_METHOD_SETTINGS: Mapping[str, str] = {
    "DataTraceEnabled": "logging/dataTrace",
    "LoggingLevel": "logging/loglevel",
    "MetricsEnabled": "metrics/enabled",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
}


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _account(name: str, properties: Properties) -> Resource:
    role = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": properties["CloudWatchRoleArn"]}]
    client("apigateway").update_account(patchOperations=role)
    return Resource(name, {"Id": name})


def _usage_plan(name: str, properties: Properties) -> Resource:
    named = {"UsagePlanName": name, **properties}
    return Resource(_called("apigateway", "create_usage_plan", renamed(named, UsagePlanName="Name"))["id"])


def _domain_name(_name: str, properties: Properties) -> Resource:
    answer = _called("apigateway", "create_domain_name", properties)
    given = {"RegionalDomainName": "regionalDomainName", "RegionalHostedZoneId": "regionalHostedZoneId"}
    return Resource(
        properties["DomainName"], {name: answer[member] for name, member in given.items() if member in answer}
    )


def _base_path_mapping(_name: str, properties: Properties) -> Resource:
    _called("apigateway", "create_base_path_mapping", properties)
    return Resource(f"{properties['DomainName']}|{properties.get('BasePath', '')}")


def _route_table_association(_name: str, properties: Properties) -> Resource:
    """Associate a subnet with its route table, which moto's CloudFormation only seems to do."""
    return Resource(_called("ec2", "associate_route_table", properties)["AssociationId"])


def _endpoint(_name: str, properties: Properties) -> Resource:
    """Create a VPC endpoint that tells its names, which moto's CloudFormation cannot."""
    policy = {"PolicyDocument": json.dumps(properties["PolicyDocument"])} if "PolicyDocument" in properties else {}
    made = _called("ec2", "create_vpc_endpoint", {**properties, **policy})["VpcEndpoint"]
    entries = [f"{entry['HostedZoneId']}:{entry['DnsName']}" for entry in made.get("DnsEntries", [])]
    return Resource(made["VpcEndpointId"], {"Id": made["VpcEndpointId"], "DnsEntries": entries})


def _egress(_name: str, properties: Properties) -> Resource:
    """Let a security group reach something."""
    names = ("IpProtocol", "FromPort", "ToPort")
    permission = {name: properties[name] for name in names if name in properties}
    if "CidrIp" in properties:
        permission["IpRanges"] = [{"CidrIp": properties["CidrIp"]}]
    if "DestinationSecurityGroupId" in properties:
        permission["UserIdGroupPairs"] = [{"GroupId": properties["DestinationSecurityGroupId"]}]
    if "DestinationPrefixListId" in properties:
        permission["PrefixListIds"] = [{"PrefixListId": properties["DestinationPrefixListId"]}]
    allowed = {"GroupId": properties["GroupId"], "IpPermissions": [permission]}
    (rule,) = _called("ec2", "authorize_security_group_egress", allowed)["SecurityGroupRules"]
    return Resource(rule["SecurityGroupRuleId"], {"Id": rule["SecurityGroupRuleId"]})


def _alarm(name: str, properties: Properties) -> Resource:
    named = {"AlarmName": name, **properties}
    _called("cloudwatch", "put_metric_alarm", named)
    (alarm,) = client("cloudwatch").describe_alarms(AlarmNames=[named["AlarmName"]])["MetricAlarms"]
    return Resource(named["AlarmName"], {"Arn": alarm["AlarmArn"]})


def _key(_name: str, properties: Properties) -> Resource:
    """Create a key with its policy as text, which moto's CloudFormation keeps as it stands in the template."""
    described = {"Policy": json.dumps(properties["KeyPolicy"]), "Description": properties.get("Description", "")}
    key = client("kms").create_key(**described)["KeyMetadata"]
    if _text(properties.get("EnableKeyRotation")).lower() == "true":
        client("kms").enable_key_rotation(KeyId=key["KeyId"])
    return Resource(key["KeyId"], {"Arn": key["Arn"], "KeyId": key["KeyId"]})


def _event_invoke_config(_name: str, properties: Properties) -> Resource:
    _called("lambda", "put_function_event_invoke_config", properties)
    return Resource(f"{properties['FunctionName']}|{properties['Qualifier']}")


def _bucket_policy(_name: str, properties: Properties) -> Resource:
    policy = json.dumps(properties["PolicyDocument"])
    client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
    return Resource(properties["Bucket"])


def _queue_policy(name: str, properties: Properties) -> Resource:
    for queue in properties["Queues"]:
        policy = json.dumps(properties["PolicyDocument"])
        client("sqs").set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
    return Resource(name)


def _topic_policy(name: str, properties: Properties) -> Resource:
    for topic in properties["Topics"]:
        policy = json.dumps(properties["PolicyDocument"])
        client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    return Resource(name)


def _subscription(_name: str, properties: Properties) -> Resource:
    arn = _called("sns", "subscribe", {**properties, "ReturnSubscriptionArn": True})["SubscriptionArn"]
    return Resource(arn)


def _trail(name: str, properties: Properties) -> Resource:
    named = {"Name": properties.get("TrailName", name)}
    kept = _without(properties, "TrailName", "IsLogging", "EventSelectors", "AdvancedEventSelectors", "Tags")
    arn = _called("cloudtrail", "create_trail", {**kept, **named})["TrailARN"]
    for selectors in ("EventSelectors", "AdvancedEventSelectors"):
        if selectors in properties:
            _called("cloudtrail", "put_event_selectors", {"TrailName": arn, selectors: properties[selectors]})
    client("cloudtrail").start_logging(Name=arn)
    return Resource(named["Name"], {"Arn": arn})


def renamed(properties: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """Return the properties under the names that the API has for them."""
    return {names.get(name, name): value for name, value in properties.items()}


def _web_acl(name: str, properties: Properties) -> Resource:
    named = {"Name": name, **properties}
    summary = _called("wafv2", "create_web_acl", named)["Summary"]
    return Resource(f"{summary['Name']}|{summary['Id']}|{named['Scope']}", {"Arn": summary["ARN"], "Id": summary["Id"]})


def _web_acl_association(_name: str, properties: Properties) -> Resource:
    _called("wafv2", "associate_web_acl", properties)
    return Resource(f"{properties['WebACLArn']}|{properties['ResourceArn']}")


def _deployment_application(name: str, properties: Properties) -> Resource:
    named = {"ApplicationName": name, **properties}
    _called("codedeploy", "create_application", named)
    return Resource(named["ApplicationName"])


def _deployment_group(name: str, properties: Properties) -> Resource:
    named = {"DeploymentGroupName": name, **properties}
    _called("codedeploy", "create_deployment_group", named)
    return Resource(named["DeploymentGroupName"])


def _rotation_schedule(_name: str, properties: Properties) -> Resource:
    """Have a secret rotated, which has a value by then: moto breaks on an empty one."""
    client("secretsmanager").put_secret_value(SecretId=properties["SecretId"], SecretString="an operator's")
    _called("secretsmanager", "rotate_secret", renamed(properties, RotateImmediatelyOnUpdate="RotateImmediately"))
    return Resource(properties["SecretId"])


CREATORS: Mapping[str, Creator] = {
    "AWS::ApiGateway::Account": _account,
    "AWS::ApiGateway::BasePathMapping": _base_path_mapping,
    "AWS::ApiGateway::Deployment": _deployment,
    "AWS::ApiGateway::DomainName": _domain_name,
    "AWS::ApiGateway::RestApi": _rest_api,
    "AWS::ApiGateway::Stage": _stage,
    "AWS::ApiGateway::UsagePlan": _usage_plan,
    "AWS::CloudTrail::Trail": _trail,
    "AWS::CloudWatch::Alarm": _alarm,
    "AWS::CodeDeploy::Application": _deployment_application,
    "AWS::CodeDeploy::DeploymentGroup": _deployment_group,
    "AWS::EC2::SecurityGroupEgress": _egress,
    "AWS::EC2::VPCEndpoint": _endpoint,
    "AWS::EC2::SubnetRouteTableAssociation": _route_table_association,
    "AWS::KMS::Key": _key,
    "AWS::Lambda::EventInvokeConfig": _event_invoke_config,
    "AWS::S3::BucketPolicy": _bucket_policy,
    "AWS::SNS::Subscription": _subscription,
    "AWS::SNS::TopicPolicy": _topic_policy,
    "AWS::SQS::QueuePolicy": _queue_policy,
    "AWS::SecretsManager::RotationSchedule": _rotation_schedule,
    "AWS::WAFv2::WebACL": _web_acl,
    "AWS::WAFv2::WebACLAssociation": _web_acl_association,
}
