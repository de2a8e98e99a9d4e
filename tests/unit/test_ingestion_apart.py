"""The query path never imports what only ingestion needs: its libraries are not in the query path's layer."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "layers" / "rag"
INGESTION = ("rag.documents", "rag.chunking", "rag.ingestion", "rag.tokens")
HANDLERS = [ROOT / "functions" / name / "app.py" for name in ("embed", "search", "compose", "generate")]


def _imported(path: Path) -> set[str]:
    names = set[str]()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in names if name.partition(".")[0] == "rag"}


def _reached(handler: Path) -> set[str]:
    """Return every module of the layer that a handler imports, at once or later, by itself or through others."""
    reached, waiting = set[str](), _imported(handler)
    while waiting:
        name = waiting.pop()
        file = (LAYER / name.replace(".", "/")).with_suffix(".py")
        if name not in reached and file.exists():
            reached.add(name)
            waiting |= _imported(file)
    return reached


@pytest.mark.parametrize("handler", HANDLERS, ids=lambda path: path.parent.name)
def test_a_handler_of_the_query_path_reaches_no_module_of_ingestion(handler: Path) -> None:
    reached = _reached(handler)

    assert reached
    assert not {name for name in reached if name.startswith(INGESTION)}
