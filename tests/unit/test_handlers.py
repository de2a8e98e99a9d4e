"""The handlers as Lambda imports them: what each loads, and what the search handler is wired to."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
RESOURCES = yaml_parse((ROOT / "template.yaml").read_text())["Resources"].values()
FUNCTIONS = [one["Properties"] for one in RESOURCES if one["Type"] == "AWS::Serverless::Function"]
VENDORS = {"openai", "pinecone", "pymilvus", "pandas"}
OF_INGESTION = {"bpe_openai", "pypdfium2", "selectolax"}
OF_TOKENS = {"jwt", "cryptography"}
TYPICAL = {
    "VECTOR_STORE": "pinecone", "CHUNK_SIZE": "200", "CHUNK_OVERLAP": "40", "REQUIRE_SIDECAR": "false", "MILVUS_URI": "http://127.0.0.1:1",
    "EMBEDDING_BASE_URL": "http://127.0.0.1:1/v1", "CHAT_BASE_URL": "http://127.0.0.1:1/v1",
    "DEFAULT_MODE": "hybrid", "FUSION": "", "RELEVANCE_RULE": "", "PINECONE_INDEX_KIND": "vector", "RERANKER": "none",
    "SUSPICIOUS_PASSAGES": "flag",
    "API_AUTHORIZATION": "IAM", "JWT_ISSUER": "https://issuer.example",
}  # fmt: skip


def in_a_fresh_process(verb: str, code: str, **environment: str) -> Any:
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


@pytest.mark.parametrize("verb", sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py")))
def test_a_handler_imports_little_and_is_wired_from_the_variables_that_the_template_gives_it(verb: str) -> None:
    """It is imported without any environment, loads only what its path needs, and finds what its settings name."""
    (function,) = [one for one in FUNCTIONS if one["CodeUri"] == f"functions/{verb}/"]
    given = {name: TYPICAL.get(name, "1") for name in function["Environment"]["Variables"]}

    loaded, of_ingestion, of_tokens, wired = in_a_fresh_process(
        verb,
        "import json, os, sys\n"
        "given = dict(os.environ)\n"
        f"[os.environ.pop(name) for name in {sorted(given)}]\n"
        "import app\n"
        f"loaded = [sorted(names & set(sys.modules)) for names in ({VENDORS}, {OF_INGESTION}, {OF_TOKENS})]\n"
        "os.environ.update(given)\n"
        "(wire,) = [value for value in vars(app).values() if hasattr(value, 'cache_info')]\n"
        "print(json.dumps([*loaded, type(wire()).__name__]))",
        **given,
        AWS_DEFAULT_REGION="us-east-1",
    )

    calling_models = ("embed", "generate", "rewrite", "embed_chunks", "embed_batch", "generate_item")
    assert loaded == (["openai"] if verb in calling_models else [])
    assert of_ingestion == []
    assert of_tokens == (sorted(OF_TOKENS) if verb == "authorize" else [])
    assert wired


@pytest.mark.parametrize(
    ("store", "kind", "adapter", "other"),
    [
        ("pinecone", "document", "PineconeDocumentStore", "pymilvus"),
        ("pinecone", "vector", "PineconeStore", "pymilvus"),
        ("milvus", "", "MilvusStore", "pinecone"),
    ],
)
def test_the_search_handler_loads_one_store_alone(store: str, kind: str, adapter: str, other: str) -> None:
    wired = in_a_fresh_process(
        "search",
        "import app, json, sys\n"
        "from rag.index_pointer import IndexTarget\n"
        "use_case = app.search_vectors()\n"
        "opened = [use_case.retriever.index_of(IndexTarget(model='m', dimensions=8)) for _ in range(2)]\n"
        "kept = opened[0] is opened[1]\n"
        "tuned = use_case.retriever.tuning_of('m')\n"
        "told = [tuned.lexical_weight, tuned.depth, str(tuned.relevance['dense']), use_case.merged_tokens]\n"
        f"wired = [type(opened[0]).__name__, kept, told, {other!r} in sys.modules]\n"
        "print(json.dumps(wired))",
        VECTOR_STORE=store,
        PINECONE_HOST="index.example",
        PINECONE_INDEX_KIND=kind,
        PINECONE_SECRET="rag/pinecone",
        MILVUS_URI="http://127.0.0.1:1",
        MILVUS_SECRET="rag/milvus",
        REGISTRY_TABLE="registry",
        LEXICAL_WEIGHT="0.35",
        RELEVANCE_RULE="dense: 1 dense >= 0.25",
        DIVERSITY="0",
        MERGED_PASSAGE_TOKENS="450",
        SUSPICIOUS_PASSAGES="flag",
        AWS_DEFAULT_REGION="us-east-1",
    )
    assert wired == [adapter, True, [0.35, 80, "1 dense >= 0.25", 450], False]


def test_the_embed_handler_keeps_one_embedder_per_collection() -> None:
    wired = in_a_fresh_process(
        "embed",
        "import app, json\n"
        "from rag.index_pointer import IndexTarget\n"
        "first, second = IndexTarget(model='m', dimensions=8), IndexTarget(model='n', dimensions=16)\n"
        "embedder_of = app.embed_query().embedder_of\n"
        "embedders = [embedder_of(target) for target in (first, first, second)]\n"
        "told = [[embedder.model, embedder.dimensions] for embedder in embedders]\n"
        "print(json.dumps([told, embedders[0] is embedders[1]]))",
        OPENAI_SECRET="rag/openai",
        EMBEDDING_BASE_URL="http://127.0.0.1:1/v1",
        EMBEDDING_MODEL="m",
        EMBEDDING_DIMENSIONS="8",
        REGISTRY_TABLE="registry",
        CACHE_TABLE="cache",
        CACHE_TTL_DAYS="30",
        DEFAULT_TOP_K="5",
        DEFAULT_MODE="hybrid",
        AWS_DEFAULT_REGION="us-east-1",
    )
    assert wired == [[["m", 8], ["m", 8], ["n", 16]], True]


RERANKING = {"RERANK_MODEL": "m", "RERANK_BASE_URL": "http://127.0.0.1:1/v1", "RERANK_SECRET": "rag/rerank",
             "RERANK_DEPTH": "32", "RERANK_SECONDS": "2"}  # fmt: skip


@pytest.mark.parametrize(
    ("reranker", "wired"), [("cohere", ["CohereReranker", 20.0, 32]), ("none", ["NoneType", None, 0])]
)
def test_the_search_of_a_batch_reranks_with_the_deployed_model_and_more_time(reranker: str, wired: list[Any]) -> None:
    (function,) = [one for one in FUNCTIONS if one["CodeUri"] == "functions/search_batch/"]
    given = {name: TYPICAL.get(name, "1") for name in function["Environment"]["Variables"]}
    told = in_a_fresh_process(
        "search_batch",
        "import app, json\n"
        "search = app.search_batch().search\n"
        "seconds = getattr(search.reranker, '_deadline', None)\n"
        "print(json.dumps([type(search.reranker).__name__, seconds, search.rerank_depth]))",
        **(given | RERANKING | {"RERANKER": reranker}),
        AWS_DEFAULT_REGION="us-east-1",
    )
    assert told == wired


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
