"""API Gateway's resources: the API with its resolved body, its stage, and keys and plans where moto's clients look."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.apigateway.models import apigateway_backends

from ragctl.local.account import ACCOUNT_ID, REGION
from ragctl.local.resources import Properties, Resource


@dataclass
class RestApi:
    """What CloudFormation made of an API."""

    id: str
    body: Mapping[str, Any]
    stage: str = ""
    stage_variables: Mapping[str, str] = field(default_factory=dict)


_apis: dict[str, RestApi] = {}


def deployed() -> RestApi | None:
    """Return the API that has a stage, if the template has one."""
    return next((api for api in _apis.values() if api.stage), None)


def is_address_of_api(url: str) -> bool:
    """Return whether this is where an API of the stack would be in AWS."""
    return any(url.startswith(f"https://{api_id}.execute-api.") for api_id in _apis)


def _backend() -> Any:
    return apigateway_backends[ACCOUNT_ID][REGION]


def _rest_api(name: str, properties: Properties) -> Resource:
    """Create an API whose body is kept: moto's CloudFormation wants a name and ignores the body."""
    api = _backend().create_rest_api(properties.get("Name", name), properties.get("Description", ""))
    _apis[api.id] = RestApi(api.id, properties.get("Body", {}))
    return Resource(api.id, {"RootResourceId": api.root_resource_id, "RestApiId": api.id})


def _deployment(_name: str, properties: Properties) -> Resource:
    api = _backend().get_rest_api(properties["RestApiId"])
    deployment = api.create_deployment(properties.get("StageName", ""), properties.get("Description", ""))
    return Resource(deployment.id, {"DeploymentId": deployment.id})


def _stage(_name: str, properties: Properties) -> Resource:
    name, api_id = properties["StageName"], properties["RestApiId"]
    variables = {key: str(value) for key, value in properties.get("Variables", {}).items()}
    api = _backend().get_rest_api(api_id)
    api.stages.pop(name, None)  # a deployment that names its stage has made it
    api.create_stage(name, properties.get("DeploymentId", ""), variables, "", None, None, None, None)
    _apis[api_id].stage, _apis[api_id].stage_variables = name, variables
    return Resource(name)


def _api_key(name: str, properties: Properties) -> Resource:
    key = _backend().create_api_key(
        {
            "name": properties.get("Name", name),
            "description": properties.get("Description"),
            "enabled": str(properties.get("Enabled", "true")).lower() == "true",
            "value": properties.get("Value"),
        }
    )
    return Resource(key.id, {"APIKeyId": key.id})


def _usage_plan(name: str, properties: Properties) -> Resource:
    stages = [{"apiId": use["ApiId"], "stage": use["Stage"]} for use in properties.get("ApiStages", [])]
    plan = _backend().create_usage_plan(
        {
            "name": properties.get("UsagePlanName", name),
            "description": properties.get("Description"),
            "apiStages": stages,
            "throttle": _lowered(properties.get("Throttle", {})),
            "quota": _lowered(properties.get("Quota", {})),
        }
    )
    return Resource(plan.id, {"Id": plan.id})


def _usage_plan_key(_name: str, properties: Properties) -> Resource:
    payload = {"keyId": properties["KeyId"], "keyType": properties["KeyType"]}
    key = _backend().create_usage_plan_key(properties["UsagePlanId"], payload)
    return Resource(f"{key.id}:{properties['UsagePlanId']}", {"Id": key.id})


def _lowered(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {f"{name[:1].lower()}{name[1:]}": value for name, value in settings.items()}


API_GATEWAY: Mapping[str, Callable[[str, Properties], Resource]] = {
    "AWS::ApiGateway::RestApi": _rest_api,
    "AWS::ApiGateway::Deployment": _deployment,
    "AWS::ApiGateway::Stage": _stage,
    "AWS::ApiGateway::ApiKey": _api_key,
    "AWS::ApiGateway::UsagePlan": _usage_plan,
    "AWS::ApiGateway::UsagePlanKey": _usage_plan_key,
}
