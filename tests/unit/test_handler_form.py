"""The form that every handler has: what stands around it, read from its source."""

import ast
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
HANDLERS = sorted((ROOT / "functions").glob("*/app.py"))


def test_each_function_of_the_template_has_one() -> None:
    resources = yaml_parse((ROOT / "template.yaml").read_text())["Resources"].values()
    folders = {one["Properties"]["CodeUri"] for one in resources if one["Type"] == "AWS::Serverless::Function"}
    assert {f"functions/{path.parent.name}/" for path in HANDLERS} == folders


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_traces_neither_answers_nor_errors_and_contains_what_it_raises(path: Path) -> None:
    (handler,) = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "lambda_handler"
    ]

    answers_http = "-> HttpResponse" in ast.unparse(handler)
    correlation = "requestContext.requestId" if answers_http else "trace_id"
    assert [ast.unparse(decorator) for decorator in handler.decorator_list] == [
        f"logger.inject_lambda_context(correlation_id_path='{correlation}', clear_state=True)",
        "metrics.log_metrics(capture_cold_start_metric=True)",
        "tracer.capture_lambda_handler(capture_response=False, capture_error=False)",
        "answered" if answers_http else "contained",
    ]
