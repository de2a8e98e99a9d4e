"""The methods of a REST API, created one by one from its OpenAPI body, as API Gateway's import does.

moto imports no MOCK integration and no security, so each part goes through its own call.
"""

from collections.abc import Mapping
from typing import Any

from ragctl.rehearsal.lookups import client

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch"})

Body = Mapping[str, Any]


def create_methods(api_id: str, body: Body) -> None:
    """Create the authorizers, gateway responses, resources, methods and integrations of a body."""
    gateway = client("apigateway")
    authorizers = _create_authorizers(api_id, body)
    for kind, response in body.get("x-amazon-apigateway-gateway-responses", {}).items():
        gateway.put_gateway_response(restApiId=api_id, responseType=kind, **_status(response))
    resource_ids = {one["path"]: one["id"] for one in gateway.get_resources(restApiId=api_id)["items"]}
    for path, operations in body["paths"].items():
        resource_id = _resource(api_id, path, resource_ids)
        for method in sorted(_METHODS & operations.keys()):
            where = {"restApiId": api_id, "resourceId": resource_id, "httpMethod": method.upper()}
            gateway.put_method(**where, **_authorization(body, operations[method], authorizers))
            _put_integration(where, operations[method]["x-amazon-apigateway-integration"])


def _create_authorizers(api_id: str, body: Body) -> dict[str, str]:
    """Create the authorizers of the security schemes; return their ids by the schemes' names."""
    ids = {}
    for name, scheme in body.get("components", {}).get("securitySchemes", {}).items():
        if authorizer := scheme.get("x-amazon-apigateway-authorizer"):
            made = client("apigateway").create_authorizer(
                restApiId=api_id,
                name=name,
                type=authorizer["type"].upper(),
                authorizerUri=authorizer["authorizerUri"],
                identitySource=f"method.request.header.{scheme['name']}",
                authorizerResultTtlInSeconds=int(authorizer.get("authorizerResultTtlInSeconds", 300)),
            )
            ids[name] = made["id"]
    return ids


def _resource(api_id: str, path: str, ids: dict[str, str]) -> str:
    """Return the id of a path's resource, made with its ancestors where it is not yet there."""
    if path not in ids:
        parent, _, part = path.rpartition("/")
        parent_id = _resource(api_id, parent or "/", ids)
        made = client("apigateway").create_resource(restApiId=api_id, parentId=parent_id, pathPart=part)
        ids[path] = made["id"]
    return ids[path]


def _authorization(body: Body, operation: Body, authorizers: Mapping[str, str]) -> dict[str, Any]:
    requirements = operation.get("security", body.get("security", []))
    names = [name for requirement in requirements for name in requirement]
    schemes = body.get("components", {}).get("securitySchemes", {})
    for name in names:
        if name in authorizers:
            return {"authorizationType": "CUSTOM", "authorizerId": authorizers[name]}
        if schemes[name].get("x-amazon-apigateway-authtype", "").lower() == "awssigv4":
            return {"authorizationType": "AWS_IAM"}
    return {"authorizationType": "NONE", "apiKeyRequired": bool(names)}


def _put_integration(where: Mapping[str, str], integration: Body) -> None:
    given = {name: integration[name] for name in ("uri", "credentials", "passthroughBehavior") if name in integration}
    if "httpMethod" in integration:
        given["integrationHttpMethod"] = integration["httpMethod"]
    if "timeoutInMillis" in integration:
        given["timeoutInMillis"] = int(integration["timeoutInMillis"])
    templates = integration.get("requestTemplates", {})
    kind = integration["type"].upper()
    client("apigateway").put_integration(**where, type=kind, requestTemplates=templates, **given)


def _status(response: Body) -> dict[str, str]:
    return {"statusCode": str(response["statusCode"])} if "statusCode" in response else {}
