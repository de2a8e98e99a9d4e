"""The state of an execution stays below what Step Functions carries, at the worst that the contracts let through."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import pytest

from rag import vectors
from rag.composing import ComposePrompt
from rag.contract import Contract, to_state
from rag.contracts import ComposeRequest, EmbedRequest, GenerateRequest, SearchRequest
from rag.embedding import EmbedQuery
from rag.generating import GenerateResponse
from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import (
    MAX_BATCHES,
    Batch,
    ChunkResponse,
    DoneResponse,
    EmbedChunksResponse,
    IndexChunksResponse,
    PublishResponse,
    ReadResponse,
    Work,
)
from rag.models import Chunk, Embeddings, ScoredChunk
from tests.fakes.fixed_results import FixedResults
from tests.fakes.machine import ExecutionFailed, Machine, filled, placed
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_pointer import MemoryPointer
from tests.unit.test_generating import ScriptedChat
from tests.unit.test_searching import searching

LIMIT: Final = 262_144  # bytes of UTF-8: input and output of every state
DIMENSIONS: Final = 4_096  # the most that the template takes
REWRITTEN_CHARACTERS: Final = 2_000  # of a question that was rewritten, and of each phrasing
DEFINITIONS = Path(__file__).parents[2] / "statemachine"
STATES: dict[str, Any] = json.loads((DEFINITIONS / "query.asl.json").read_text())["States"]
INGEST: dict[str, Any] = json.loads((DEFINITIONS / "ingest.asl.json").read_text())
CONTEXT = {"Execution": {"Name": "n" * 80}}

WIDE, CONTROL = "\U0001f600", "\x01"  # four bytes in UTF-8, and one that JSON writes as six
HISTORY = [{"role": "assistant", "content": CONTROL * 5_400}] * 4  # 128 KiB of JSON
GROUPS = [f"{n:02}{'g' * 61}" for n in range(64)]
FILTERS = {
    "long strings": {"$or": [{"f" * 63: ('"\\' * 256)} for _ in range(14)]},
    "many numbers": {"$and": [{f"f{n}": {"$in": [1e16] * 100}} for n in range(31)]},
}


class WideEmbedder:
    """Embeds every text as one vector of the most dimensions."""

    model = "m" * 64
    dimensions = DIMENSIONS
    endpoint = "http://127.0.0.1/v1"

    def embed(self, texts: Sequence[str]) -> Embeddings:
        return Embeddings([vectors.unit([1.0] * DIMENSIONS) for _ in texts], tokens=8_000)


def passages(unit: str, characters: int) -> list[ScoredChunk]:
    """Return a hundred passages of one character and a number, tokens understated, so that only bytes bound them."""
    metadata = {f"field-{n}": unit * 100 for n in range(3)}
    return [
        ScoredChunk(
            Chunk(f"{n:032}", unit * 40, "v", n, unit * 100, unit * 100, f"{n} {unit * characters}", 1, 0, characters,
                  heading=unit * 120, metadata=metadata),
            0.123456,
        )
        for n in range(100)
    ]  # fmt: skip


def worst_states(query: str, condition: dict[str, Any], found: list[ScoredChunk]) -> Iterator[tuple[str, int]]:
    """Yield what a query takes: each state's input and the state of the execution after it, in bytes."""
    request = {"query": query, "top_k": 100, "tenant": "t" * 63, "groups": GROUPS, "filter": condition}
    principal = {"tenant": "t" * 63, "groups": GROUPS}
    line = WIDE * REWRITTEN_CHARACTERS
    rewriting = {
        "question": line, "phrasings": [line] * 4, "prompt_tokens": 9_999, "completion_tokens": 999, "cost_usd": 0.12345
    }  # fmt: skip
    pointer = MemoryPointer(IndexTarget(model=WideEmbedder.model, dimensions=DIMENSIONS, host="https://" + "h" * 253))
    chat = ScriptedChat(" ".join(f"It is so [{n}]." for n in range(1, 101)))
    functions: dict[str, Callable[[Any], Any]] = {
        "EmbedQuery": lambda event: (
            EmbedQuery(pointer, lambda _: WideEmbedder(), MemoryCache(), 5, "hybrid")(
                EmbedRequest.parse(event)
            ).response
        ),
        "SearchVectors": lambda event: (
            searching(FixedResults(*found, lexical=found), rule="always")(SearchRequest.parse(event)).response
        ),
        "ComposePrompt": lambda event: ComposePrompt(1_000_000)(ComposeRequest.parse(event)),
        "GenerateResponse": lambda event: GenerateResponse(chat, "m", "http://x")(GenerateRequest.parse(event)).answer,
    }
    document: Any = {
        "request": {**request, "history": HISTORY},
        "principal": principal,
        "taken": {"rewriting": rewriting, "degraded": ["rewrite"]},
    }
    yield "before EmbedQuery", len(encoded(document))
    for name, function in functions.items():
        state = STATES[name]
        event = filled(state["Parameters"], document, CONTEXT)
        output = json.loads(encoded(to_state(function(event))))
        result = filled(state["ResultSelector"], output, CONTEXT)
        document = placed(result, document, state.get("ResultPath", "$"))
        yield f"{name} takes", len(encoded(event))
        yield f"{name} returns", len(encoded(output))
        yield f"after {name}", len(encoded(document))


def encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()


@pytest.mark.parametrize("condition", FILTERS.values(), ids=FILTERS)
@pytest.mark.parametrize("character", [WIDE, CONTROL], ids=["wide", "control"])
@pytest.mark.parametrize("unit", ["x", "€", WIDE, '"', "\\", "&", CONTROL], ids=ascii)
@pytest.mark.parametrize("characters", [20, 700, 20_000])
def test_no_state_outgrows_its_limit(character: str, condition: dict[str, Any], unit: str, characters: int) -> None:
    sizes = dict(worst_states(f"{character * 7_999}x", condition, passages(unit, characters)))

    assert len(sizes) == 13
    assert {name: size for name, size in sizes.items() if size >= LIMIT} == {}


def test_no_state_of_ingestion_outgrows_its_limit() -> None:
    target = IndexTarget(model="m" * 200, dimensions=DIMENSIONS, host="h" * 120)
    run = "r" * 80
    work = Work(tenant="t" * 63, prefix=f"staging/{'t' * 63}/{run}-{10**6}", run=run, number=10**6)
    batches = [Batch(batch=number, target=target) for number in range(MAX_BATCHES)]
    embedded = EmbedChunksResponse(chunks=1_000, embedded=1_000, reused=1_000, tokens=250_000, cost_usd=0.123456789)
    outdated = PublishResponse(work=work, next="index", batches=batches, published=0, superseded=0)
    published = PublishResponse(work=work, next="reap", batches=[], published=100, superseded=100)
    answers: dict[str, list[Contract]] = {
        "ReadDocument": [ReadResponse(work=work, next="chunk", documents=100, unchanged=0, failed=0, superseded=0)],
        "ChunkDocument": [ChunkResponse(work=work, batches=batches, chunks=10**6)],
        "EmbedChunks": [embedded for _ in (*batches, *batches)],
        "IndexChunks": [IndexChunksResponse(chunks=1_000) for _ in (*batches, *batches)],
        "PublishVersion": [outdated, published],
        "FailDocument": [DoneResponse(work=work, documents=100)],
    }
    functions = {name: partial(_told, iter(scripted)) for name, scripted in answers.items()}
    sizes: dict[str, int] = {}

    def observe(name: str, document: Any) -> None:
        sizes[name] = max(sizes.get(name, 0), len(encoded(document)))

    with pytest.raises(ExecutionFailed):  # reaping: what was caught lies beside everything else
        Machine(INGEST, functions, observe=observe).run({"detail": "d" * 100_000}, "n" * 80)

    assert {"ReapVersions takes", "FailDocument takes"} <= set(sizes)
    assert {name: size for name, size in sizes.items() if size >= LIMIT} == {}


def _told(scripted: Iterator[Any], _event: Any) -> dict[str, Any]:
    return to_state(next(scripted))
