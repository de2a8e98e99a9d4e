"""Cases that schemathesis makes out of the API's own document: no status, type or form that it does not declare."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from ragctl.deployment import Deployment
from ragctl.local.http.issuer import Claims
from tests.integration.http_api import Api

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 13  # of each operation, so about 200
CONTENT_TYPES = [None, "", "application/json; charset=utf-8", "text/plain", "application/xml", "multipart/form-data"]
PATHS = yaml.safe_load((Path(__file__).parents[2] / "api" / "openapi.yaml").read_text(encoding="utf-8"))["paths"]
OPERATIONS = [(path.replace("+}", "}"), method) for path, item in PATHS.items() for method in item]


@pytest.fixture(scope="session")
def api(local_stack: Deployment) -> Api:
    return Api.of(local_stack)


@pytest.fixture(scope="session")
def writer(api: Api) -> dict[str, str]:
    return {"Authorization": api.token(Claims("fuzzed", ("staff",), writer=True, subject="fuzzer"))}


@pytest.fixture(scope="session")
def contract(api: Api) -> Any:
    return schemathesis.openapi.from_url(f"{api.url}/openapi.json")


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_every_answer_is_declared(contract: Any, writer: dict[str, str], path: str, method: str) -> None:
    @given(contract[path][method].as_strategy(), st.sampled_from(CONTENT_TYPES))
    @settings(max_examples=EXAMPLES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
    def holds(case: Any, content_type: str | None) -> None:
        told = {} if content_type is None else {"Content-Type": content_type}
        case.call_and_validate(checks=CHECKS, headers={**writer, **told})

    holds()
