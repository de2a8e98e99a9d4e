"""The wall time of a batch of a hundred questions, next to that of the same number asked one at a time."""

import json
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.samples import EXAMPLES
from rag.batches.lines import question_in
from ragctl.asking import Asker
from ragctl.batching import BatchAsker, Line
from ragctl.evaluation.answers import read_questions
from ragctl.failure import Failure
from ragctl.temporary import temporary_stack

QUESTIONS = 100
SIDE_BY_SIDE = 8
ROUNDS = 3

Ask = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class WallTime:
    """Seconds for a hundred questions, the median of the rounds, and how many times the batch's that is."""

    seconds: float
    ratio: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} | {self.ratio:.1f}"


def batch_times() -> dict[str, WallTime]:
    """Return the time of each way to ask; each round asks in each way, so that a busy moment is no way's own."""
    with tempfile.TemporaryDirectory() as data, temporary_stack(Path(data)) as stack:
        stack.rag("ingest", str(EXAMPLES / "handbook"))
        batches, asker = BatchAsker(stack.deployment), Asker(stack.deployment)

        def together(questions: Sequence[str]) -> None:
            answers = batches.ask([_line(question) for question in questions], {})
            if answers.failed:
                raise Failure(f"{answers.failed} questions of a batch failed")

        def one_by_one(questions: Sequence[str]) -> None:
            for question in questions:
                asker.ask({"query": question})

        def side_by_side(questions: Sequence[str]) -> None:
            with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
                list(pool.map(lambda question: asker.ask({"query": question}), questions))

        ways: dict[str, Ask] = {
            "one batch": together,
            f"single questions, {SIDE_BY_SIDE} side by side": side_by_side,
            "single questions, one after another": one_by_one,
        }
        taken: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(ROUNDS + 1):
            for name, ask in ways.items():
                seconds = _timed(ask, _questions(f"{name} {turn}"))
                if turn:  # the first finds the functions cold
                    taken[name].append(seconds)
    medians = {name: statistics.median(seconds) for name, seconds in taken.items()}
    return {name: WallTime(median, median / medians["one batch"]) for name, median in medians.items()}


def _questions(about: str) -> list[str]:
    """Return a hundred questions that no cache holds."""
    asked = [question.text for question in read_questions(EXAMPLES / "questions.jsonl")]
    return [f"{asked[number % len(asked)]} ({about}, {number})" for number in range(QUESTIONS)]


def _line(question: str) -> Line:
    content = json.dumps(question).encode()
    return Line(content, question_in(content, 1))


def _timed(ask: Ask, questions: Sequence[str]) -> float:
    started = time.perf_counter()
    ask(questions)
    return time.perf_counter() - started
