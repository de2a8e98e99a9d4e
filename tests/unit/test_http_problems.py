"""One table of problems: complete, and the same in the functions and in the mapping templates of api/openapi.yaml."""

import json
import re
from pathlib import Path

import pytest
import yaml

from rag import errors
from rag.http.problems import PROBLEMS, problem_of
from ragctl.checks.state_machine import leaves

OPENAPI = (Path(__file__).parents[2] / "api" / "openapi.yaml").read_text()
BRANCH = re.compile(r"#(?:else)?if\((\$error == [^\n]*)\)\n(.*?)(?=\n\s*#(?:elseif\(\$error|set\(\$kind))", re.DOTALL)
FIXED = re.compile(r'"type": "(urn:serverless-rag:[a-z-]+)", "title": "([^"]*)", "status": (\d+)')


def branches() -> list[tuple[str, str]]:
    """Return, for each name of an error in a mapping template, what the template sets for it."""
    return [
        (name, found[2])
        for found in BRANCH.finditer(OPENAPI)
        for name in re.findall(r'\$error == "(\w+)"', found[1])
        if name in PROBLEMS
    ]


def test_every_error_that_can_end_a_request_is_a_problem() -> None:
    answered_by_api_gateway, of_ingestion = {"Unauthorized"}, {"UnreadableDocument"}
    assert leaves(errors.RagError) - answered_by_api_gateway - of_ingestion <= set(PROBLEMS)


@pytest.mark.parametrize(("name", "branch"), branches())
def test_a_mapping_template_tells_an_error_in_the_same_words(name: str, branch: str) -> None:
    problem = PROBLEMS[name]
    assert f"#set($code = {problem.status})" in branch
    assert f'#set($title = "{problem.title}")' in branch
    assert name == "InvalidRequest" or f'#set($detail = "{problem.detail}")' in branch
    assert re.findall(r'\$retryAfter = "(\d+)"', branch) == ([str(problem.retry_after)] if problem.retry_after else [])


def test_the_templates_tell_all_errors_that_an_execution_can_end_with() -> None:
    never_of_an_execution = {"NotFound", "NoResults", "Conflict", "TooLarge", "UnsupportedMediaType", "InternalError"}
    assert {name for name, _ in branches()} == set(PROBLEMS) - never_of_an_execution


def test_what_is_told_without_a_choice_has_the_same_statuses_and_titles() -> None:
    types = {problem.type: (problem.title, str(problem.status)) for problem in PROBLEMS.values()}
    fixed = [(kind, told) for kind, *told in FIXED.findall(OPENAPI.replace('\\"', '"')) if kind in types]
    assert {kind for kind, _ in fixed} >= {"urn:serverless-rag:too-large", "urn:serverless-rag:not-allowed"}
    assert not [(kind, status) for kind, (_, status) in fixed if types[kind][1] != status]


def test_a_body_of_another_type_is_refused_in_the_gateway_s_words() -> None:
    response = yaml.safe_load(OPENAPI)["x-amazon-apigateway-gateway-responses"]["UNSUPPORTED_MEDIA_TYPE"]
    assert json.loads(response["responseTemplates"]["application/json"]) == PROBLEMS["UnsupportedMediaType"].body()


def test_an_error_of_another_package_is_an_internal_one() -> None:
    class Strange(errors.RagError):
        """None of ours."""

    problem, detail = problem_of(Strange("words"))
    assert (problem.name, detail) == ("InternalError", None)
    assert "words" not in json.dumps(problem.body("t"))


def test_the_type_of_a_problem_is_its_name_in_kebab_case() -> None:
    assert PROBLEMS["UpstreamThrottled"].type == "urn:serverless-rag:upstream-throttled"


def test_a_problem_without_a_trace_names_none() -> None:
    assert "trace_id" not in PROBLEMS["NotFound"].body()
