"""The handlers as Lambda imports them: what each loads, and what the search handler is wired to."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VENDORS = {"openai", "pinecone", "pymilvus", "pandas"}


def in_a_fresh_process(verb: str, code: str, **environment: str) -> object:
    """Run code beside a handler, without any environment but the one given, and return what it prints as JSON."""
    path = os.pathsep.join([str(ROOT / "functions" / verb), str(ROOT / "layers" / "rag")])
    completed = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": path, "PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(completed.stdout)


@pytest.mark.parametrize(
    ("verb", "vendors"), [("embed", {"openai"}), ("search", set()), ("compose", set()), ("generate", {"openai"})]
)
def test_a_handler_imports_without_environment_and_only_what_its_path_needs(verb: str, vendors: set[str]) -> None:
    loaded = in_a_fresh_process(verb, f"import app, json, sys; print(json.dumps(list({VENDORS} & set(sys.modules))))")
    assert loaded == list(vendors)


@pytest.mark.parametrize(
    ("store", "adapter", "other"), [("pinecone", "PineconeStore", "pymilvus"), ("milvus", "MilvusStore", "pinecone")]
)
def test_the_search_handler_loads_one_store_alone(store: str, adapter: str, other: str) -> None:
    wired = in_a_fresh_process(
        "search",
        "import app, json, sys\n"
        "use_case = app.search_vectors()\n"
        f"wired = [type(use_case.passages).__name__, use_case.relevance_threshold, {other!r} in sys.modules]\n"
        "print(json.dumps(wired))",
        VECTOR_STORE=store,
        PINECONE_HOST="index.example",
        PINECONE_SECRET="rag/pinecone",
        MILVUS_URI="http://127.0.0.1:1",
        MILVUS_SECRET="rag/milvus",
        EMBEDDING_MODEL="m",
        EMBEDDING_DIMENSIONS="8",
        RELEVANCE_THRESHOLD="0.25",
    )
    assert wired == [adapter, 0.25, False]


def test_a_missing_variable_is_named() -> None:
    told = in_a_fresh_process(
        "embed",
        "import app, json, sys\n"
        "sys.stdout, out = sys.stderr, sys.stdout  # the log goes to standard output too\n"
        "names = ('function_name', 'memory_limit_in_mb', 'invoked_function_arn', 'aws_request_id')\n"
        "try:\n"
        "    app.lambda_handler({}, type('Context', (), dict.fromkeys(names, '1'))())\n"
        "except Exception as error:\n"
        "    print(json.dumps([type(error).__name__, str(error)]), file=out)",
        POWERTOOLS_METRICS_NAMESPACE="n",
        POWERTOOLS_TRACE_DISABLED="true",
        POWERTOOLS_LOG_LEVEL="CRITICAL",
    )
    assert told == ["InternalError", "The environment variable OPENAI_SECRET is missing."]
