"""No method of the API is open: the translated API, walked under each way to authorise."""

import copy
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ragctl.local.constraints import condition_holds
from ragctl.local.translation import TemplateError, translate

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
TOKENS = {"JwtAudience": "rag", "JwtIssuer": "https://issuer.example", "CognitoUserPoolId": "eu-west-1_Pool"}
WAYS = {
    "IAM": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "awsSigv4"},
    "COGNITO": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "custom"},
    "JWT": {"type": "apiKey", "name": "Authorization", "in": "header", "x-amazon-apigateway-authtype": "custom"},
    "API_KEY": {"type": "apiKey", "name": "x-api-key", "in": "header"},
}
METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "x-amazon-apigateway-any-method"}


@cache
def translated(way: str) -> tuple[Mapping[str, Any], Mapping[str, str]]:
    """Return the CloudFormation template under a way to authorise, and its parameters' values."""
    translation = translate(TEMPLATE, {"PineconeHost": "index.example", "ApiAuthorization": way, **TOKENS})
    return translation.template, translation.parameters


def resolved(node: Any, template: Mapping[str, Any], values: Mapping[str, str]) -> Any:
    """Return a node with each choice by a condition made."""
    match node:
        case {"Fn::If": [name, then, otherwise]}:
            holds = condition_holds(name, template["Conditions"], values)
            return resolved(then if holds else otherwise, template, values)
        case dict():
            return {key: resolved(value, template, values) for key, value in node.items()}
        case list():
            return [resolved(one, template, values) for one in node]
    return node


def body(way: str) -> dict[str, Any]:
    """Return the API's definition as CloudFormation would give it to API Gateway."""
    template, values = translated(way)
    (api,) = [one for one in template["Resources"].values() if one["Type"] == "AWS::ApiGateway::RestApi"]
    found: dict[str, Any] = resolved(api["Properties"]["Body"], template, values)
    return found


def unguarded(document: Mapping[str, Any], scheme: Mapping[str, Any]) -> Iterator[str]:
    """Yield the methods that anybody may call: all that do not demand the scheme, and it alone."""
    names = [
        name
        for name, declared in document["components"]["securitySchemes"].items()
        if scheme.items() <= declared.items()
    ]
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            demanded = item[method].get("security")
            if method != "options" and demanded not in [[{name: []}] for name in names]:
                yield f"{method.upper()} {path}"


@pytest.mark.parametrize("way", WAYS)
def test_every_method_demands_what_the_parameter_says(way: str) -> None:
    document = body(way)
    assert list(document["components"]["securitySchemes"]) == ["caller"]
    assert sum(len(METHODS & item.keys()) for item in document["paths"].values()) == 18
    assert list(unguarded(document, WAYS[way])) == []


@pytest.mark.parametrize("way", WAYS)
def test_a_way_to_authorise_is_not_another_one(way: str) -> None:
    differing = [scheme for scheme in WAYS.values() if scheme != WAYS[way]]
    assert all(list(unguarded(body(way), scheme)) for scheme in differing)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("security", [None, [], [{}], [{"caller": []}, {}], [{"other": []}]])
def test_one_method_that_loses_its_guard_is_found(way: str, security: Any) -> None:
    document = copy.deepcopy(body(way))
    document["paths"]["/v1/health"]["get"]["security"] = security
    if security is None:
        del document["paths"]["/v1/health"]["get"]["security"]

    assert list(unguarded(document, WAYS[way])) == ["GET /v1/health"]


@pytest.mark.parametrize("way", ["COGNITO", "JWT"])
def test_tokens_are_judged_by_our_own_function(way: str) -> None:
    template, values = translated(way)
    authorizer = body(way)["components"]["securitySchemes"]["caller"]["x-amazon-apigateway-authorizer"]
    assert authorizer["type"] == "token"
    assert "${AuthorizeFunctionAliaslive}" in authorizer["authorizerUri"]["Fn::Sub"]
    alias = template["Resources"]["AuthorizeFunctionAliaslive"]
    assert condition_holds(alias.get("Condition", "ApiUsesTokens"), template["Conditions"], values)


@pytest.mark.parametrize("way", WAYS)
def test_the_gateway_may_invoke_what_the_api_names_and_nothing_else(way: str) -> None:
    template, values = translated(way)
    document = str(body(way))
    statements = template["Resources"]["ApiRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    (invoking,) = [one for one in statements if one["Action"] == "lambda:InvokeFunction"]
    aliases = {one["Ref"] for one in resolved(invoking["Resource"], template, values)} - {"AWS::NoValue"}
    named = {name for name in template["Resources"] if f"${{{name}}}/invocations" in document}
    assert aliases == named
    assert ("AuthorizeFunctionAliaslive" in named) == (way in ("COGNITO", "JWT"))


def test_what_is_deployed_is_what_the_parameters_say() -> None:
    """A stage goes on serving an old deployment, and with it the old way to authorise, until there is a new one."""
    source = TEMPLATE.read_text(encoding="utf-8")
    assert source.count("AlwaysDeploy: true") == 1


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"ApiAuthorization": "JWT", "JwtAudience": "rag"}, "needs JwtIssuer"),
        ({"ApiAuthorization": "COGNITO", "JwtAudience": "rag"}, "needs CognitoUserPoolId"),
        ({"ApiAuthorization": "JWT", "JwtIssuer": "https://issuer.example"}, "need JwtAudience"),
        ({"ApiDomainName": "rag.example.com"}, "needs ApiCertificateArn"),
        ({"ApiAuthorization": "NONE"}, "Allowed: IAM, COGNITO, JWT, API_KEY"),
        ({"CorsOrigin": "https://a.example, https://b.example"}, "does not match"),
        ({"CorsOrigin": "https://a.example'"}, "does not match"),
    ],
)
def test_parameters_that_would_leave_the_api_half_guarded_are_refused(
    parameters: dict[str, str], sentence: str
) -> None:
    with pytest.raises(TemplateError, match=sentence):
        translate(TEMPLATE, {"PineconeHost": "index.example", **parameters})


def test_without_an_origin_no_header_lets_a_browser_in() -> None:
    assert "Access-Control-Allow-Origin': {'Fn::Sub'" not in str(body("IAM"))


CERTIFICATE = "arn:aws:acm:eu-west-1:123456789012:certificate/a"


@pytest.mark.parametrize(("domain", "certificate"), [("", ""), ("rag.example.com", CERTIFICATE)])
def test_an_api_with_a_domain_has_no_other_address(domain: str, certificate: str) -> None:
    given = {"ApiDomainName": domain, "ApiCertificateArn": certificate}
    translation = translate(TEMPLATE, {"PineconeHost": "index.example", **given})
    (api,) = [one for one in translation.template["Resources"].values() if one["Type"] == "AWS::ApiGateway::RestApi"]
    found = resolved(api["Properties"]["Body"], translation.template, translation.parameters)
    url = resolved(translation.template["Outputs"]["ApiUrl"]["Value"], translation.template, translation.parameters)

    (server,) = found["servers"]
    assert server["x-amazon-apigateway-endpoint-configuration"] == {"disableExecuteApiEndpoint": bool(domain)}
    assert ("execute-api" in str(url)) == (not domain)
    assert ("ApiDomainName" in str(url)) == bool(domain)


def test_a_usage_plan_stands_behind_keys_alone() -> None:
    template, _ = translated("API_KEY")
    assert template["Resources"]["ApiUsagePlan"]["Condition"] == "ApiUsesKeys"
    assert condition_holds("ApiUsesKeys", template["Conditions"], translated("API_KEY")[1])
    assert not condition_holds("ApiUsesKeys", template["Conditions"], translated("JWT")[1])


def test_no_log_of_the_api_holds_what_was_asked_or_who_by_name() -> None:
    template, values = translated("IAM")
    stage = template["Resources"]["RagApiapiStage"]["Properties"]
    (settings,) = stage["MethodSettings"]
    assert (settings["DataTraceEnabled"], settings["LoggingLevel"]) == (False, "OFF")
    line = access_log(template, values)
    for field in ("requestOverride", "path}", "$context.path", "authorizer", "identity", "querystring", "message"):
        assert field not in line


def test_a_log_that_may_name_callers_says_who_and_still_nothing_that_was_asked() -> None:
    translation = translate(TEMPLATE, {"PineconeHost": "index.example", "ApiLogCallers": "true"})
    line = access_log(translation.template, translation.parameters)

    assert set(re.findall(r"\$context\.((?:identity|authorizer)[\w.]*)", line)) == {
        "identity.userArn",
        "identity.apiKeyId",
        "identity.sourceIp",
        "authorizer.principalId",
    }
    for field in ("requestOverride", "$context.path", "querystring", "message"):
        assert field not in line


@pytest.mark.parametrize("callers", ["true", "false"])
def test_a_line_of_the_access_log_is_json(callers: str) -> None:
    translation = translate(TEMPLATE, {"PineconeHost": "index.example", "ApiLogCallers": callers})
    line = re.sub(r"\$context\.[\w.]+", "200", access_log(translation.template, translation.parameters))
    assert ("address" in json.loads(line)) == (callers == "true")


def access_log(template: Mapping[str, Any], values: Mapping[str, str]) -> str:
    """Return the format of the access log's lines."""
    stage = template["Resources"]["RagApiapiStage"]["Properties"]
    text, given = resolved(stage["AccessLogSetting"], template, values)["Format"]["Fn::Sub"]
    return str(text.replace("${Callers}", given["Callers"]))


def test_the_firewall_lets_one_address_send_all_that_the_api_takes_and_says_when_to_come_again() -> None:
    template, values = translated("IAM")
    (rate,) = [
        one["RateBasedStatement"] | one_rule["Action"]["Block"]["CustomResponse"]
        for one_rule in template["Resources"]["ApiFirewall"]["Properties"]["Rules"]
        if "RateBasedStatement" in (one := one_rule["Statement"])
    ]
    assert rate["Limit"] == {"Ref": "WafRequestsPerFiveMinutes"}
    assert int(values["WafRequestsPerFiveMinutes"]) == rate["EvaluationWindowSec"] * int(values["ApiRateLimit"])
    assert (rate["ResponseCode"], rate["ResponseHeaders"]) == (429, [{"Name": "Retry-After", "Value": "300"}])
    bodies = template["Resources"]["ApiFirewall"]["Properties"]["CustomResponseBodies"]
    assert json.loads(bodies[rate["CustomResponseBodyKey"]]["Content"])["status"] == 429


def test_the_firewall_lets_ids_of_documents_end_as_they_like() -> None:
    rules = translated("IAM")[0]["Resources"]["ApiFirewall"]["Properties"]["Rules"]
    overridden = {
        override["Name"]
        for rule in rules
        for override in rule["Statement"].get("ManagedRuleGroupStatement", {}).get("RuleActionOverrides", [])
        if override["ActionToUse"] == {"Count": {}}
    }
    assert {"RestrictedExtensions_URIPATH", "GenericLFI_URIPATH"} <= overridden
