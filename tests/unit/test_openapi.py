"""The HTTP contract: what the linter finds in it, that the linter finds what it should, and what its schemas refuse."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator

from rag.errors import InvalidRequest
from rag.filters import parse_filter
from rag.http import documents
from rag.http.asking import BatchBody, QuestionBody
from rag.http.changing import UploadBody
from ragctl.checks import contract

PATH = Path(__file__).parents[2] / "api" / "openapi.yaml"
DOCUMENT: dict[str, Any] = yaml.safe_load(PATH.read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
OPERATIONS = list(contract.operations(DOCUMENT))


def accepts(schema: str, body: Any) -> bool:
    """Tell whether API Gateway lets a body through, whose models are JSON schemas of draft 4."""
    model = {"$ref": f"#/components/schemas/{schema}", "components": DOCUMENT["components"]}
    return bool(Draft4Validator(model).is_valid(body))


def test_the_shipped_contract_has_no_problem() -> None:
    assert contract.problems(PATH) == []


def test_a_page_of_documents_has_one_limit() -> None:
    (limit,) = [one for one in DOCUMENT["paths"]["/v1/documents"]["get"]["parameters"] if one["name"] == "limit"]
    assert (limit["schema"]["minimum"], limit["schema"]["maximum"]) == (1, documents.MOST)
    assert f"; {documents.LIMIT} where" in limit["description"]
    assert f"`limit` ({documents.LIMIT}, at most {documents.MOST})" in (PATH.parents[1] / "docs/api.md").read_text()


def test_its_routes_are_those_of_the_design() -> None:
    routes = {(method.upper(), path) for method, path, _ in OPERATIONS if method != "options"}
    assert routes == {
        ("POST", "/v1/answers"),
        ("POST", "/v1/executions"),
        ("GET", "/v1/executions/{id}"),
        ("POST", "/v1/batches"),
        ("GET", "/v1/batches/{id}/results"),
        ("GET", "/v1/documents"),
        ("POST", "/v1/documents"),
        ("GET", "/v1/documents/{document_id+}"),
        ("DELETE", "/v1/documents/{document_id+}"),
        ("GET", "/v1/health"),
    }


def test_every_path_answers_a_browser_that_asks_before_it_calls() -> None:
    for path, item in DOCUMENT["paths"].items():
        allowed = item["options"][contract.INTEGRATION]["responses"]["default"]["responseParameters"]
        methods = {method.upper() for method, where, _ in OPERATIONS if where == path}
        assert set(allowed["method.response.header.Access-Control-Allow-Methods"].strip("'").split(",")) == methods


def test_every_answer_but_the_browsers_own_tells_which_origin_may_read_it() -> None:
    for method, path, operation in OPERATIONS:
        for status, response in operation["responses"].items():
            assert "Access-Control-Allow-Origin" in response["headers"], (method, path, status)


def test_an_issuer_that_cannot_be_reached_is_a_reason_to_come_again() -> None:
    for kind in ("AUTHORIZER_FAILURE", "AUTHORIZER_CONFIGURATION_ERROR"):
        assert DOCUMENT[contract.GATEWAY_RESPONSES][kind]["statusCode"] == "503"


def test_what_is_no_operation_is_not_found_where_that_can_be_told_from_a_missing_signature() -> None:
    condition, signed, otherwise = DOCUMENT[contract.GATEWAY_RESPONSES]["MISSING_AUTHENTICATION_TOKEN"]["Fn::If"]
    assert (condition, signed["statusCode"], otherwise["statusCode"]) == ("ApiUsesIam", "403", "404")


def test_every_body_and_parameter_is_validated() -> None:
    name = DOCUMENT["x-amazon-apigateway-request-validator"]
    validator = DOCUMENT["x-amazon-apigateway-request-validators"][name]
    assert validator == {"validateRequestBody": True, "validateRequestParameters": True}
    bodies = [operation["requestBody"] for _, _, operation in OPERATIONS if "requestBody" in operation]
    assert len(bodies) == 4
    for body in bodies:
        assert (body["required"], list(body["content"])) == (True, ["application/json"])


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(choice, id=kind)
        for kind, response in DOCUMENT[contract.GATEWAY_RESPONSES].items()
        for choice in response.get("Fn::If", ["", response])[1:]
    ],
)
def test_what_the_gateway_refuses_by_itself_is_told_in_the_one_shape(response: dict[str, Any]) -> None:
    body = json.loads(response["responseTemplates"]["application/json"])
    assert accepts("Problem", body)
    assert body["status"] == int(response["statusCode"])
    assert body["type"].startswith("urn:serverless-rag:")
    assert response["responseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
    assert ("gatewayresponse.header.Retry-After" in response["responseParameters"]) == (body["status"] in (429, 503))


def test_no_gateway_response_quotes_the_request_or_the_error() -> None:
    assert "$context" not in json.dumps(DOCUMENT[contract.GATEWAY_RESPONSES])


def test_who_asks_is_no_part_of_a_body() -> None:
    for field in ("tenant", "groups", "principal", "caller", "trace_id"):
        assert not accepts("Question", {"query": "x", field: "acme"})
        assert not accepts("Batch", {"queries": ["x"], field: "acme"})
        assert not accepts("Upload", {"document_id": "x", "size": 1, field: "acme"})


@pytest.mark.parametrize(
    ("schema", "model"), [("Question", QuestionBody), ("Batch", BatchBody), ("Upload", UploadBody)]
)
def test_a_schema_names_the_fields_that_the_functions_take(schema: str, model: Any) -> None:
    assert set(SCHEMAS[schema]["properties"]) == set(model.__struct_fields__)


def nested(depth: int) -> dict[str, Any]:
    condition: dict[str, Any] = {"year": 2024}
    for _ in range(depth - 1):
        condition = {"$or": [condition, condition]}
    return condition


def test_a_filter_may_nest_to_five_levels_here_as_in_the_query() -> None:
    assert accepts("Filter", nested(5))
    parse_filter(nested(5))
    with pytest.raises(InvalidRequest):
        parse_filter(nested(6))


def test_each_level_of_a_filter_takes_lists_of_the_next() -> None:
    for depth in range(1, 5):
        condition: Any = {"$and": 5}
        for _ in range(depth - 1):
            condition = {"$or": [condition]}
        assert not accepts("Filter", condition)


VALUES = st.one_of(st.text(max_size=8), st.booleans(), st.integers(-(2**53), 2**53), st.floats(-1e15, 1e15))
FIELDS = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,8}", fullmatch=True)
OPERATORS = st.one_of(
    st.fixed_dictionaries({"$eq": VALUES}),
    st.fixed_dictionaries({"$ne": VALUES}),
    st.fixed_dictionaries({"$gte": st.integers(0, 9), "$lt": st.floats(-9, 9)}),
    st.fixed_dictionaries({"$in": st.lists(VALUES, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"$exists": st.booleans()}),
)
LEAVES = st.dictionaries(FIELDS, VALUES | OPERATORS, min_size=1, max_size=2)


@given(
    st.recursive(
        LEAVES,
        lambda inner: st.dictionaries(
            st.sampled_from(["$and", "$or"]), st.lists(inner, min_size=1, max_size=2), min_size=1
        ),
        max_leaves=6,
    )
)
def test_every_filter_that_the_query_takes_gets_past_the_gateway(condition: dict[str, Any]) -> None:
    try:
        parse_filter(condition)
    except InvalidRequest:
        return
    assert accepts("Filter", condition)


def test_what_has_no_type_has_nothing_that_an_import_would_take_for_one() -> None:
    """A list's `items` and an object's `additionalProperties` make the import add the type that they speak of."""
    for name, schema in SCHEMAS.items():
        assert "type" in schema or not {"items", "additionalProperties"} & schema.keys(), name


def test_numbers_that_no_query_can_hold_are_refused() -> None:
    for number in (float("inf"), 2**53 + 1, -(2**60), 1e400):
        for condition in ({"year": number}, {"year": {"$gt": number}}, {"year": {"$in": [number]}}):
            assert not accepts("Filter", condition)
    assert not accepts("Question", {"query": "x", "top_k": 1e400})


def _at(path: str, change: Callable[[Any], None]) -> Callable[[dict[str, Any]], None]:
    def apply(document: dict[str, Any]) -> None:
        place: Any = document
        for step in path.split(" "):
            place = place[step]
        change(place)

    return apply


ASK = "paths /v1/answers post"
INTEGRATION = f"{ASK} {contract.INTEGRATION}"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (_at(ASK, lambda ask: ask.pop("security")), "POST /v1/answers: it must be guarded"),
        (_at(ASK, lambda ask: ask.update(security=[])), "POST /v1/answers: it must be guarded"),
        (_at(ASK, lambda ask: ask.update(security=[{}, {"caller": []}])), "POST /v1/answers: it must be guarded"),
        (_at("paths /v1/health get", lambda one: one.pop("security")), "GET /v1/health: it must be guarded"),
        (_at("paths /v1/health options", lambda one: one.update(security=[{"caller": []}])), "before it has"),
        (_at(ASK, lambda ask: ask.pop(contract.INTEGRATION)), "has no integration"),
        (_at(f"{ASK} responses", lambda declared: declared.pop("504")), "['504'], which may be answered"),
        (_at(f"{ASK} responses", lambda declared: declared.pop("502")), "tells ['502'], which it does not declare"),
        (_at(f"{ASK} responses", lambda declared: declared.pop("413")), "tells ['413'], which it does not declare"),
        (_at(f"{ASK} responses", lambda declared: declared.update({"500": {"$ref": "#/x"}})), "does not follow"),
        (_at(INTEGRATION, lambda one: one.update(passthroughBehavior="when_no_match")), "lets through"),
        (_at("paths /v1/health get", lambda one: one[contract.INTEGRATION].pop("passthroughBehavior")), "lets through"),
        (_at("paths /v1/health options responses", lambda declared: declared.pop("415")), "['415'], which may be"),
        (_at("paths /v1/batches post responses", lambda declared: declared.pop("502")), "['502'], which may be"),
        (_at(INTEGRATION, lambda one: one.pop("credentials")), "has no role"),
        (_at(f"{INTEGRATION} responses", lambda one: one.pop("default")), "no default response"),
        (_at("components schemas", lambda all_: all_.update({"Of_us": {}})), "a model's name"),
        (_at("components schemas Mode", lambda one: one.update(oneOf=[])), "does not import oneOf"),
        (_at("components schemas Turn properties role", lambda one: one["enum"].append(None)), "null stands among"),
        (_at("components schemas Turn properties role", lambda one: one.update(example="user")), "import example"),
        (_at("info", lambda info: info.update(title="${AWS::StackName}")), "reference in braces"),
        (_at("info", lambda info: info.pop("title")), "OpenAPI: info: "),
        (_at("paths /v1/executions/{id} get", lambda one: one.pop("parameters")), "OpenAPI: "),
    ],
)
def test_the_linter_sees(tmp_path: Path, change: Callable[[dict[str, Any]], None], complaint: str) -> None:
    broken = copy.deepcopy(DOCUMENT)
    change(broken)
    path = tmp_path / "openapi.yaml"
    path.write_text(json.dumps(broken))

    assert any(complaint in problem for problem in contract.problems(path))


@pytest.mark.parametrize(
    ("text", "complaint"), [("a: !Ref B", "short tags"), ("a: &b {}\npaths: {}\nc: *b", "anchors"), ("a: [", "parse")]
)
def test_the_linter_sees_yaml_that_cannot_be_included(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "openapi.yaml"
    path.write_text(text)

    assert complaint in contract.problems(path)[0]
