"""The form that every handler has: what stands around it, read from its source."""

import ast
from pathlib import Path

import pytest

HANDLERS = sorted((Path(__file__).parents[2] / "functions").glob("*/app.py"))


def test_there_are_four() -> None:
    assert [path.parent.name for path in HANDLERS] == ["compose", "embed", "generate", "search"]


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_traces_neither_answers_nor_errors_and_contains_what_it_raises(path: Path) -> None:
    (handler,) = [
        node
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "lambda_handler"
    ]

    assert [ast.unparse(decorator) for decorator in handler.decorator_list] == [
        "logger.inject_lambda_context(correlation_id_path='trace_id', clear_state=True)",
        "metrics.log_metrics(capture_cold_start_metric=True)",
        "tracer.capture_lambda_handler(capture_response=False, capture_error=False)",
        "contained",
    ]
