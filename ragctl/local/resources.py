"""The resources that moto's CloudFormation skips or creates wrongly, and what stands in for all others."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.awslambda.utils import get_backend as lambda_backend
from moto.dynamodb.models import dynamodb_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from ragctl.local.account import ACCOUNT_ID, REGION

Properties = Mapping[str, Any]


@dataclass
class Resource:
    """A created resource as moto's stack wants to see it."""

    physical_resource_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)
    type: str = ""
    logical_resource_id: str = ""

    @property
    def cf_resource_type(self) -> str:
        """Return the type by the name that moto gives it elsewhere."""
        return self.type

    @classmethod
    def has_cfn_attr(cls, _attribute: str) -> bool:
        """Accept every GetAtt: which attributes a type has is the linter's business."""
        return True

    def get_cfn_attribute(self, attribute: str) -> Any:
        """Return what GetAtt gives; of a stand-in, something that tells where it is from."""
        return self.attributes.get(attribute, f"{self.logical_resource_id}.{attribute}")

    def is_created(self) -> bool:
        """Return whether creation has ended, which it has at once."""
        return True

    def delete(self, _account_id: str, _region: str) -> None:
        """Do nothing: the local stack is made anew at each start and never deleted."""


def _version(_name: str, properties: Properties) -> Resource:
    """Publish a version: moto's own has no Version attribute, which every alias asks for."""
    version: Any = lambda_backend(ACCOUNT_ID, REGION).publish_version(properties["FunctionName"])
    return Resource(version.function_arn, {"Version": str(version.version), "FunctionArn": version.function_arn})


def _alias(_name: str, properties: Properties) -> Resource:
    """Create an alias, a type that moto skips although its Lambda knows them."""
    alias = lambda_backend(ACCOUNT_ID, REGION).create_alias(
        properties["Name"],
        properties["FunctionName"],
        str(properties["FunctionVersion"]),
        properties.get("Description", ""),
        properties.get("RoutingConfig", ""),
    )
    return Resource(alias.arn, {"AliasArn": alias.arn})


def _layer(name: str, properties: Properties) -> Resource:
    """Publish a layer version: a Ref to moto's own gives no ARN."""
    spec = {"LayerName": properties.get("LayerName", name), "Content": properties["Content"]}
    layer = lambda_backend(ACCOUNT_ID, REGION).publish_layer_version(spec)
    return Resource(layer.arn)


def _secret(name: str, properties: Properties) -> Resource:
    """Create a secret, a type that moto skips; without a value, as in AWS, unless the template gives one."""
    created = secretsmanager_backends[ACCOUNT_ID][REGION].create_secret(
        name=properties.get("Name", name),
        secret_string=properties.get("SecretString"),
        secret_binary=None,
        description=properties.get("Description"),
        tags=properties.get("Tags"),
        kms_key_id=properties.get("KmsKeyId"),
        client_request_token=None,
        replica_regions=[],
        force_overwrite=False,
    )
    arn = json.loads(created)["ARN"]
    return Resource(arn, {"Id": arn})


def _state_machine(name: str, properties: Properties) -> Resource:
    """Create a state machine where it is executed, with its substitutions; moto does neither."""
    definition = properties.get("DefinitionString") or json.dumps(properties["Definition"])
    for variable, value in properties.get("DefinitionSubstitutions", {}).items():
        definition = definition.replace(f"${{{variable}}}", str(value))
    machine = stepfunctions_parser_backends[ACCOUNT_ID][REGION].create_state_machine(
        name=properties.get("StateMachineName", name),
        definition=definition,
        roleArn=properties["RoleArn"],
        sm_type=properties.get("StateMachineType", "STANDARD"),
    )
    machine.sm_type = machine.type  # moto runs every machine as a Standard one
    return Resource(machine.arn, {"Arn": machine.arn, "Name": machine.name})


def stand_in(name: str, _properties: Properties) -> Resource:
    """Answer for a resource of a type that nothing here knows: any Ref and GetAtt gets something."""
    return Resource(name, {"Arn": f"arn:aws:local:{REGION}:{ACCOUNT_ID}:{name}", "Id": name, "Name": name})


CREATORS: Mapping[str, Callable[[str, Properties], Resource]] = {
    "AWS::Lambda::Version": _version,
    "AWS::Lambda::Alias": _alias,
    "AWS::Lambda::LayerVersion": _layer,
    "AWS::SecretsManager::Secret": _secret,
    "AWS::StepFunctions::StateMachine": _state_machine,
}


def _expire_items(table: Any, properties: Properties) -> None:
    """Set a table's TTL, which moto's CloudFormation drops."""
    if ttl := properties.get("TimeToLiveSpecification"):
        dynamodb_backends[ACCOUNT_ID][REGION].update_time_to_live(table.name, ttl)


def _mount_layers(function: Any, properties: Properties) -> None:
    """Give a function its layers, which moto's CloudFormation drops."""
    function.layers = [{"Arn": arn, "CodeSize": 0} for arn in properties.get("Layers", [])]


def _version_and_tell(bucket: Any, properties: Properties) -> None:
    """Give a bucket its versioning and have it tell EventBridge, both of which moto's CloudFormation drops."""
    bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status")
    notifications = properties.get("NotificationConfiguration", {})
    if str(notifications.get("EventBridgeConfiguration", {}).get("EventBridgeEnabled")).lower() == "true":
        bucket.set_notification_configuration({"EventBridgeConfiguration": {}})


COMPLETIONS: Mapping[str, Callable[[Any, Properties], None]] = {
    "AWS::DynamoDB::Table": _expire_items,
    "AWS::Lambda::Function": _mount_layers,
    "AWS::S3::Bucket": _version_and_tell,
}
