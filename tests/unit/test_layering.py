"""Arrows point inward: handlers → use cases → domain. Adapters are named in handlers and in each other alone."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers" / "rag" / "rag"
OUTSIDE = {"boto3", "botocore", "aws_lambda_powertools", "aws_xray_sdk", "openai", "pinecone", "pymilvus"}
INNER = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "adapters" and path.name != "telemetry.py")


def _imports(path: Path) -> set[str]:
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", INNER, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_domain_and_use_cases_import_no_vendor_and_no_adapter(path: Path) -> None:
    imported = _imports(path)
    assert not {name.split(".")[0] for name in imported} & OUTSIDE
    assert not {name for name in imported if name.startswith(("rag.adapters", "rag.telemetry"))}


def test_the_domain_knows_no_use_case() -> None:
    domain = {"errors", "models", "ports", "filters", "vectors", "identity", "contract"}
    for name in domain:
        ours = {found.split(".")[1] for found in _imports(PACKAGE / f"{name}.py") if found.startswith("rag.")}
        assert ours <= domain
