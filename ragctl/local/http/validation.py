"""What API Gateway's request validators check: required parameters, and the body by the schema of its content type."""

from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft4Validator
from jsonschema.exceptions import ValidationError

from ragctl.local.http.definition import Document, Operation
from ragctl.local.http.messages import Request
from ragctl.local.http.strict_json import MalformedJsonError, parse

DEFAULT_CONTENT_TYPE = "application/json"


class BadParametersError(Exception):
    """Required parameters are missing: they are named."""


class BadBodyError(Exception):
    """The body is not what the schema says; `reasons` are in the words of API Gateway's validator."""

    def __init__(self, *reasons: str) -> None:
        super().__init__("Invalid request body")
        self.reasons = reasons


def content_type(request: Request) -> str:
    """Return the media type without its parameters, which is JSON when none is told."""
    told = (request.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    return told or DEFAULT_CONTENT_TYPE


def check_parameters(operation: Operation, request: Request, path_values: Mapping[str, str]) -> None:
    """Find every required parameter there, and not blank.

    Raises:
        BadParametersError: one is not.
    """
    if not operation.validates_parameters:
        return
    headers = {name.lower(): value for name, value in request.headers}
    given = {"path": path_values, "query": dict(request.query), "header": headers}
    missing = []
    for parameter in operation.parameters:
        name, place = parameter["name"], parameter["in"]
        wanted = name.lower() if place == "header" else name
        if parameter.get("required") and place in given and not given[place].get(wanted):
            missing.append(name)
    if missing:
        raise BadParametersError(f"Missing required request parameters: [{', '.join(missing)}]")


class BodyValidator:
    """Checks bodies by the schemas of an API, each compiled once."""

    def __init__(self, document: Document) -> None:
        self._components = document.get("components", {})
        self._compiled: dict[tuple[str, str, str], Draft4Validator] = {}

    def check(self, operation: Operation, request: Request) -> None:
        """Hold a body against the schema of its content type, if the operation has one for it.

        Raises:
            BadBodyError: it is not JSON, or not of that form.
        """
        kind = content_type(request)
        if not operation.validates_body or kind not in operation.body:
            return
        if not request.body:
            if operation.body_required:
                raise BadBodyError("Request body is required")
            return
        try:
            body = parse(request.body)
        except MalformedJsonError:
            raise BadBodyError("Request body is not valid JSON") from None
        if error := next(self._validator(operation, kind).iter_errors(body), None):
            raise BadBodyError(*_reasons(error))

    def _validator(self, operation: Operation, kind: str) -> Draft4Validator:
        key = (operation.path, operation.method, kind)
        if key not in self._compiled:
            schema: Any = {"allOf": [operation.body[kind]], "components": self._components}
            self._compiled[key] = Draft4Validator(schema)
        return self._compiled[key]


def _reasons(error: ValidationError) -> Iterator[str]:
    """Word an error as API Gateway does, without quoting what is long."""
    where = "".join(f"/{step}" for step in error.absolute_path)
    match error.validator:
        case "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            yield f"object has missing required properties ({_listed(missing)})"
        case "additionalProperties":
            known = error.schema.get("properties", {})
            surplus = [name for name in error.instance if name not in known]
            yield f"object instance has properties which are not allowed by the schema: {_listed(surplus)}"
        case keyword:
            yield f"[Path '{where}'] instance does not match the schema's {keyword}"


def _listed(names: list[str]) -> str:
    return "[" + ",".join(f'"{name[:64]}"' for name in sorted(names)[:8]) + "]"
