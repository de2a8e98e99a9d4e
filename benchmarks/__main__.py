"""`make bench`: the query path and ingestion on this machine, printed and written to RESULTS.md."""

import os
import platform
import sys
import tempfile
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "Benchmark")  # telemetry reads these when it is imported
os.environ.setdefault("POWERTOOLS_SERVICE_NAME", "benchmark")
os.environ.setdefault("POWERTOOLS_TRACE_DISABLED", "true")
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")

from benchmarks.batches import QUESTIONS as BATCH
from benchmarks.batches import batch_times
from benchmarks.handlers import handler_times
from benchmarks.ingestion import COPIES, SIDE_BY_SIDE, ingestion_rates
from benchmarks.retrieval import retrieval_latencies
from benchmarks.samples import EXAMPLES
from benchmarks.timing import Timing
from ragctl.asking import Asker
from ragctl.evaluation.answers import read_questions
from ragctl.failure import Failure
from ragctl.temporary import temporary_stack

RESULTS = Path(__file__).with_name("RESULTS.md")
QUESTIONS = 60


def query_times() -> dict[str, Timing]:
    """Return the time of warm questions through the Standard state machine, and that of each state."""
    questions = [question.text for question in read_questions(EXAMPLES / "questions.jsonl") if question.document]
    states: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as data, temporary_stack(Path(data)) as stack:
        stack.rag("ingest", str(EXAMPLES / "handbook"))
        asker = Asker(stack.deployment)

        def ask(turn: int) -> None:
            asked = asker.ask({"query": f"{questions[turn % len(questions)]} ({turn})"})  # never in the cache
            executions.append(asked.execution)

        executions: list[str] = []
        whole = Timing.of(ask, QUESTIONS)
        again = Timing.of(lambda _: asker.ask({"query": questions[0]}), QUESTIONS)
        for execution in executions[-QUESTIONS:]:
            for state in asker.state_times(execution):
                states[state.state].append(state.seconds * 1_000)
    parts = {name: Timing.from_milliseconds(taken) for name, taken in states.items() if len(taken) > 1}
    return {"a question, from start to output": whole, "the same question again": again, **parts}


def report() -> str:
    """Measure everything and return it as Markdown."""
    machine = f"Python {platform.python_version()}, {os.cpu_count()} {platform.machine()} processors"
    lines = [
        "# Results",
        "",
        "Written by `make bench`. Absolute times are those of one machine on one day; compare ratios within a run.",
        "",
        f"{datetime.now(UTC).date()}: {machine}.",
        "",
        "## A warm question through the local state machine, with local models",
        "",
        "| | p50 ms | p95 ms | runs |",
        "|---|---|---|---|",
        *(f"| {name} | {timing} |" for name, timing in query_times().items()),
        "",
        f"## Retrieval from {COPIES} copies of the sample documents, as the search function does it",
        "",
        "| | p50 ms | times the slower leg's |",
        "|---|---|---|",
        *(f"| {name} | {latency} |" for name, latency in retrieval_latencies().items()),
        "",
        f"## {BATCH} questions: a batch of the batch machine, and single ones of the query machine",
        "",
        "| | seconds | times the batch's |",
        "|---|---|---|",
        *(f"| {name} | {taken} |" for name, taken in batch_times().items()),
        "",
        "## Ingestion: the sample documents, copied, through the local state machine",
        "",
        "| | chunks | seconds | chunks per second |",
        "|---|---|---|---|",
        *(f"| {name} | {rate} |" for name, rate in ingestion_rates().items()),
        "",
        f"Embedding alone is {SIDE_BY_SIDE} requests side by side to the same model server, with the same texts.",
        "",
        "## Each handler's own time, upstream calls excluded",
        "",
        "| | p50 ms | p95 ms | runs |",
        "|---|---|---|---|",
        *(f"| {name} | {timing} |" for name, timing in handler_times().items()),
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    try:
        text = report()
    except Failure as failure:
        sys.exit(f"make bench: {failure}")
    RESULTS.write_text(text, encoding="utf-8")
    print(text)
