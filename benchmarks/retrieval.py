"""The latency of hybrid search next to that of its two legs, and of each mode: same questions, same collection."""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from benchmarks.ingestion import COPIES, load, write_copy
from benchmarks.samples import EXAMPLES
from rag.contract import ModeName
from rag.models import Principal
from rag.retrieval import SearchedQuestion
from rag.side_by_side import side_by_side
from ragctl import wiring
from ragctl.deployment import Deployment
from ragctl.evaluation.answers import read_questions
from ragctl.temporary import temporary_stack

TOP_K = 10
WARM = 5
QUESTIONS = 120


@dataclass(frozen=True)
class Latency:
    """Milliseconds, the median, and how many times the slower leg's that is."""

    milliseconds: float
    ratio: float

    def __str__(self) -> str:
        return f"{self.milliseconds:.1f} | {self.ratio:.2f}"


def retrieval_latencies() -> dict[str, Latency]:
    """Return the latencies of legs and modes, each question asked in every way before the next one is."""
    with tempfile.TemporaryDirectory() as data, tempfile.TemporaryDirectory() as folder:
        documents = Path(folder)
        for copy in range(COPIES):
            write_copy(documents, copy)
        with temporary_stack(Path(data)) as stack:
            load(stack.deployment, documents)
            return _latencies(stack.deployment)


def _latencies(deployment: Deployment) -> dict[str, Latency]:
    retriever, principal = wiring.retriever(deployment), Principal("default")
    target = wiring.pointer(deployment).read().live
    store, depth = retriever.index_of(target), retriever.tuning_of(target.model).depth
    texts = [question.text for question in read_questions(EXAMPLES / "questions.jsonl")]
    vectors = wiring.embedder(deployment).embed(texts).vectors
    asked = [SearchedQuestion(text, vector) for text, vector in zip(texts, vectors, strict=True)]

    def dense(question: SearchedQuestion) -> None:
        if question.vector is not None:
            store.dense([question.vector], principal, depth, None)

    def lexical(question: SearchedQuestion) -> None:
        store.lexical([question.text], principal, depth, None)

    def both(question: SearchedQuestion) -> None:
        side_by_side(lambda leg: leg(question), [dense, lexical])

    def in_mode(mode: ModeName) -> Callable[[SearchedQuestion], object]:
        return lambda question: retriever.retrieve([question], principal, None, mode, TOP_K, target)

    ways: Mapping[str, Callable[[SearchedQuestion], object]] = {
        f"dense leg, {depth} chunks": dense,
        f"lexical leg, {depth} chunks": lexical,
        "both legs side by side": both,
        **{f"{mode} mode, registry and fusion included": in_mode(mode) for mode in get_args(ModeName)},
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(WARM + QUESTIONS):
        for name, way in ways.items():
            started = time.perf_counter()
            way(asked[turn % len(asked)])
            if turn >= WARM:
                taken[name].append((time.perf_counter() - started) * 1_000)
    medians = {name: statistics.median(milliseconds) for name, milliseconds in taken.items()}
    slower = max(list(medians.values())[:2])
    return {name: Latency(median, median / slower) for name, median in medians.items()}
