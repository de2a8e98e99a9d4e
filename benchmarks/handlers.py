"""Each handler's own time: its upstream calls answer from memory, everything else is what runs on Lambda."""

import importlib.util
import json
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from benchmarks.timing import Timing
from rag import vectors
from rag.composing import ComposePrompt
from rag.embedding import EmbedQuery
from rag.generating import GenerateResponse
from rag.identity import chunk_id
from rag.index_pointer import IndexPointer, IndexTarget
from rag.models import EVERYONE, Chunk, Completion, Embeddings, Principal, ScoredChunk
from rag.registration import LiveVersion
from rag.retrieval import Retriever
from rag.searching import SearchVectors
from rag.tuning import Overrides
from rag.vectors import Vector

ROOT = Path(__file__).parents[1]
RUNS = 300


class _Context:
    """What Powertools reads of Lambda's context."""

    function_name = "benchmark"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:benchmark"
    aws_request_id = "00000000-0000-0000-0000-000000000000"


class _Upstream:
    """Every upstream service at once, answering at once. The vectors have 1,536 dimensions, the passages 1 KB."""

    model = "extractive"
    endpoint = "http://127.0.0.1/v1"
    dimensions = 1536

    def __init__(self, passages: list[ScoredChunk]) -> None:
        self._vector = vectors.unit([1.0] * self.dimensions)
        self._passages = passages

    def embed(self, texts: Sequence[str]) -> Embeddings:
        return Embeddings([self._vector] * len(texts), tokens=10)

    def get(self, keys: Sequence[str]) -> "Mapping[str, Vector[float]]":  # noqa: ARG002 # a miss costs more than a hit
        return {}

    def put(self, vectors_by_key: "Mapping[str, Vector[float]]") -> None:
        """Forget them."""

    def forget(self, keys: Sequence[str]) -> None:
        """Nothing is remembered."""

    def read(self) -> IndexPointer:
        return IndexPointer(IndexTarget(model=self.model, dimensions=self.dimensions))

    def store(self, pointer: IndexPointer) -> bool:  # noqa: ARG002 # the port's
        return False

    def dense(self, vectors: Any, principal: Principal, top_k: int, where: Any) -> list[list[ScoredChunk]]:  # noqa: ARG002 # the port's
        return [self._passages[:top_k] for _ in vectors]

    def lexical(self, texts: Any, principal: Principal, top_k: int, where: Any) -> list[list[ScoredChunk]]:  # noqa: ARG002 # the port's
        return [self._passages[:top_k] for _ in texts]

    def similarities(self, vector: Any, principal: Principal, chunk_ids: Sequence[str]) -> dict[str, float]:  # noqa: ARG002 # the port's
        return dict.fromkeys(chunk_ids, 0.5)

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:  # noqa: ARG002 # the port's
        return {document_id: LiveVersion("1", (EVERYONE,)) for document_id in document_ids}

    def complete(self, system: str, user: str) -> Completion:  # noqa: ARG002 # the port's
        return Completion("Word 3 of a passage. [1] Word 4 of another one. [2]", "extractive", 1_500, 20, "stop")


def _chunk(number: int, text: str) -> Chunk:
    name = f"d{number}.md"
    key = chunk_id("default", name, "1", 0)
    return Chunk(key, name, "1", 0, f"Document {number}", name, text, 250, 0, len(text))


def handler_times() -> dict[str, Timing]:
    """Return the time of each state's handler, in the order of the states."""
    text = " ".join(f"Word {number} of a passage." for number in range(40))
    passages = [ScoredChunk(_chunk(n, f"{n} {text}"), 0.9 - n / 200) for n in range(110)]
    upstream = _Upstream(passages)
    wired = {
        "embed": (
            "embed_query",
            EmbedQuery(upstream, lambda _: upstream, upstream, default_top_k=5, default_mode="hybrid"),
        ),
        "search": ("search_vectors", SearchVectors(Retriever(lambda _: upstream, upstream, Overrides().tuning_of))),
        "compose": ("compose_prompt", ComposePrompt(token_budget=6_000)),
        "generate": ("generate_response", GenerateResponse(upstream, "extractive", upstream.endpoint)),
    }
    state: dict[str, Any] = {"request": {"query": "How many words has a passage?"}}
    return {verb: _time(verb, wiring, use_case, state) for verb, (wiring, use_case) in wired.items()}


def _time(verb: str, wiring: str, use_case: object, state: dict[str, Any]) -> Timing:
    event = json.dumps(_event(verb, state) | {"trace_id": "benchmark"})
    module = _handler(verb)
    log = StringIO()
    for handler in module.logger.handlers:
        handler.setStream(log)
    with patch.object(module, wiring, lambda: use_case), redirect_stdout(log):
        timing = Timing.of(lambda _: json.dumps(module.lambda_handler(json.loads(event), _Context())), RUNS)
        state |= module.lambda_handler(json.loads(event), _Context())
    return timing


def _event(verb: str, state: dict[str, Any]) -> dict[str, Any]:
    """Return what the state machine would hand to this state, after those before it."""
    query = "How many words has a passage?"
    if verb == "embed":
        return {"request": state["request"]}
    if verb == "search":
        return {"request": state["request"], "embedding": state["embedding"], "degraded": []}
    if verb == "compose":
        return {"query": query, "passages": state["passages"], "degraded": []}
    return {
        "query": query,
        "rewritten_query": None,
        "prompt": state["prompt"],
        "spent": state["spent"],
        "degraded": [],
    }


def _handler(verb: str) -> ModuleType:
    path = ROOT / "functions" / verb / "app.py"
    specification = importlib.util.spec_from_file_location(f"benchmarked_{verb}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
