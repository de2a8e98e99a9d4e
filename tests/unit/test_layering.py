"""Arrows point inward: handlers → use cases → domain. Adapters are named in handlers and in each other alone."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "layers" / "rag" / "rag"
OUTSIDE = {"boto3", "botocore", "aws_lambda_powertools", "aws_xray_sdk", "openai", "pinecone", "pymilvus"}
OUTSIDE |= {"jwt", "cryptography"}
INNER = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "adapters" and path.name != "telemetry.py")


def _package(path: Path) -> list[str]:
    return list(path.relative_to(PACKAGE.parent).parent.parts)


def _imports(source: str, package: list[str]) -> set[str]:
    """Return what a module of the package imports, by full names: modules, and what is taken out of them."""
    names = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) + 1 - node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return names


@pytest.mark.parametrize(
    "statement",
    [
        "import rag.adapters.secrets",
        "from rag import adapters",
        "from rag import errors, adapters as outside",
        "from rag.adapters import secrets",
        "def later():\n    from rag.adapters.secrets import Secret",
        "from . import adapters",
        "from .adapters import secrets",
    ],
)
def test_an_adapter_is_seen_however_it_is_imported(statement: str) -> None:
    assert any(name.startswith("rag.adapters") for name in _imports(statement, ["rag"]))


@pytest.mark.parametrize("path", INNER, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_domain_and_use_cases_import_no_vendor_and_no_adapter(path: Path) -> None:
    imported = _imports(path.read_text(), _package(path))
    assert not {name.split(".")[0] for name in imported} & OUTSIDE
    assert not {name for name in imported if name.startswith(("rag.adapters", "rag.telemetry"))}


def test_the_domain_knows_no_use_case() -> None:
    domain = {"errors", "models", "ports", "filters", "vectors", "identity", "contract"}
    domain |= {"index_pointer", "objects", "registration"}
    for name in domain:
        imported = _imports((PACKAGE / f"{name}.py").read_text(), ["rag"])
        ours = {found.split(".")[1] for found in imported if found.startswith("rag.")}
        assert ours <= domain
