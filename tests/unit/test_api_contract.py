"""The client says what api/openapi.yaml says: an operation a method, a schema a type, a status an outcome."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from ragctl.api import ApiProblemError, Client, Problem
from ragctl.api.documents import Deletion, Document, Documents, Grant, Upload
from ragctl.api.model import Answer, Batch, Citation, Execution, Health, Question, Results, Started, Turn, Usage
from tests.fakes.faulty_http import FaultyServer, Request, Response

FILE = yaml.safe_load((Path(__file__).parents[2] / "api" / "openapi.yaml").read_text(encoding="utf-8"))
SCHEMAS: Mapping[str, Any] = FILE["components"]["schemas"]

Call = Callable[[Client], object]

CALLS: Mapping[str, Call] = {
    "ask": lambda client: client.answer(Question(query="When?")),
    "startExecution": lambda client: client.start(Question(query="When?")),
    "showExecution": lambda client: client.execution("an-id"),
    "showResults": lambda client: client.batch_results("an-id"),
    "startBatch": lambda client: client.start_batch(Batch(queries=["When?"])),
    "listDocuments": lambda client: client.documents(prefix="a", status="ready", limit=3, next_page="b"),
    "uploadDocument": lambda client: client.upload("a/b.md", b"x"),
    "showDocument": lambda client: client.document("a/b.md"),
    "deleteDocument": lambda client: client.delete_document("a/b.md"),
    "health": lambda client: client.health(),
}
TYPES: Mapping[str, Any] = {
    "Question": Question, "Turn": Turn, "Batch": Batch, "Answer": Answer, "Citation": Citation, "Usage": Usage,
    "Started": Started, "Results": Results, "Execution": Execution[dict[str, Any]], "Documents": Documents,
    "Document": Document, "Upload": Upload, "Grant": Grant, "Deletion": Deletion, "Health": Health, "Problem": Problem,
}  # fmt: skip
NO_FIELDS = re.compile("Filter.*|Condition|Operand|Scalar|Mode")  # what a filter and a mode are, callers write freely
SAME = {"ProblemOrNone": "Problem"}


def operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in FILE["paths"].items():
        for method, operation in item.items():
            if method in ("get", "post", "put", "delete", "patch"):
                yield path, method.upper(), operation


OPERATIONS = {operation["operationId"]: (path, method, operation) for path, method, operation in operations()}


def call(operation: str, response: Response) -> Request:
    """Make the call against a server that answers this, and return what it was asked first."""
    with FaultyServer(lambda _: response) as server, Client(server.url, timeout_seconds=10) as client:
        try:
            CALLS[operation](client)
        finally:
            asked = server.requests[0]
    return asked


def test_each_operation_has_a_call() -> None:
    assert CALLS.keys() == OPERATIONS.keys()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_call_is_what_the_operation_wants(operation: str) -> None:
    path, method, declared = OPERATIONS[operation]
    pattern = re.sub(r"\\\{[^}]*\+\\\}", ".+", re.sub(r"\\\{[^}+]*\\\}", "[^/]+", re.escape(path).replace(r"\+", "+")))
    refusal = Response.of_json({"type": "urn:x", "title": "x", "status": 400, "detail": "x"}, 400)

    with FaultyServer(lambda _: refusal) as server, Client(server.url) as client:
        with pytest.raises(ApiProblemError):
            CALLS[operation](client)
        (asked,) = server.requests

    assert (asked.method, bool(re.fullmatch(pattern, asked.path))) == (method, True)
    known = {parameter["name"] for parameter in declared.get("parameters", []) if parameter["in"] == "query"}
    assert asked.query.keys() == known
    if "requestBody" in declared:
        assert asked.json().keys() >= set(schema_of(declared["requestBody"]).get("required", []))
        assert asked.headers["content-type"] == "application/json"
    else:
        assert asked.body == b""


@pytest.mark.parametrize("operation", OPERATIONS)
def test_each_declared_refusal_is_an_error_with_its_status(operation: str) -> None:
    refusals = [int(status) for status in OPERATIONS[operation][2]["responses"] if not status.startswith("2")]

    for status in refusals:
        problem = {"type": "urn:serverless-rag:x", "title": "X", "status": status, "detail": "Y."}
        with pytest.raises(ApiProblemError) as caught:
            call(operation, Response.of_json(problem, status, {"Content-Type": "application/problem+json"}))
        assert caught.value.status == status

    assert refusals


@pytest.mark.parametrize("operation", sorted(OPERATIONS.keys() - {"uploadDocument", "showResults"}))
def test_the_declared_success_is_understood(operation: str) -> None:
    ((status, declared),) = [
        (int(status), response)
        for status, response in OPERATIONS[operation][2]["responses"].items()
        if status.startswith("2")
    ]

    call(operation, Response.of_json(sample(schema_of(declared)), status))


def test_each_schema_has_a_type() -> None:
    assert {name for name in SCHEMAS if not NO_FIELDS.fullmatch(name)} - SAME.keys() == TYPES.keys()


@pytest.mark.parametrize("name", [*TYPES, *SAME])
def test_a_type_has_the_fields_of_its_schema(name: str) -> None:
    declared = SCHEMAS[name]
    (reference,), components = msgspec.json.schema_components([TYPES[SAME.get(name, name)]])
    typed = components[reference["$ref"].rpartition("/")[2]]

    assert fields(declared) == fields(typed)
    if name not in SAME:
        assert set(declared["required"]) == set(typed["required"])


def schema_of(container: Mapping[str, Any]) -> Any:
    (content,) = container["content"].values()
    return resolved(content["schema"])


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref", "")
    return SCHEMAS[reference.rpartition("/")[2]] if reference else schema


def fields(schema: Mapping[str, Any]) -> dict[str, str]:
    return {name: form(field) for name, field in schema["properties"].items()}


def form(schema: Mapping[str, Any]) -> str:
    """Write a schema's type in one way for OpenAPI 3.0 and for msgspec's JSON schemas."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if NO_FIELDS.fullmatch(name):
            return form(SCHEMAS[name])
        return f"{SAME[name]} or null" if name in SAME else re.sub(r"_.*", "", name)
    if "anyOf" in schema:
        return " or ".join(sorted((form(one) for one in schema["anyOf"]), key=lambda told: (told == "null", told)))
    null = " or null" if schema.get("nullable") else ""
    if "enum" in schema:
        return " | ".join(sorted(schema["enum"])) + null
    kind = schema["type"]
    return (f"{kind} of {form(schema['items'])}" if kind == "array" else kind) + null


def sample(schema: Mapping[str, Any]) -> Any:
    """Return the smallest value that fits a schema."""
    schema = resolved(schema)
    if schema.get("nullable"):
        return None
    if "enum" in schema:
        return schema["enum"][0]
    if schema["type"] == "object":
        properties = schema.get("properties", {})
        return {name: sample(properties[name]) for name in schema.get("required", [])}
    return json.loads(
        {"string": '"x"', "integer": "1", "number": "1.5", "boolean": "true", "array": "[]"}[schema["type"]]
    )
