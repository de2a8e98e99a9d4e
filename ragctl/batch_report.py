"""The answers of a batch as a person reads them, and as a program does."""

import json
from collections.abc import Iterator
from pathlib import Path

from ragctl.batching import BatchAnswers
from ragctl.rendering import answer_lines, counted, printable


def batch_lines(answers: BatchAnswers) -> Iterator[str]:
    """Yield each question with its answer, or with the reason why it has none."""
    for result in answers.results:
        name = printable(result.get("id", str(result["index"] + 1)))
        if "answer" in result:
            yield f"{name}. {printable(result['answer']['query'])}"
            yield from answer_lines(result["answer"])
            yield ""


def failure_lines(answers: BatchAnswers) -> Iterator[str]:
    """Yield the questions that failed."""
    for result in answers.results:
        if result["status"] == "failed":
            name = printable(result.get("id", str(result["index"] + 1)))
            yield f"{name}. {result['error']['name']}: {printable(result['error']['message'])}"


def summary_line(answers: BatchAnswers) -> str:
    """Return how many questions were answered, refused and failed."""
    refused = len(answers.results) - answers.answered - answers.failed
    told = f"{answers.answered:,} answered, {refused:,} refused, {answers.failed:,} failed"
    return f"{counted(len(answers.results), 'question')}: {told}, in {answers.seconds:.1f} s"


def write_results(answers: BatchAnswers, path: Path) -> None:
    """Write one JSON object a line for each question, in the order of the file.

    Raises:
        OSError: the file cannot be written.
    """
    with path.open("w", encoding="utf-8") as file:
        for result in answers.results:
            file.write(json.dumps(result, ensure_ascii=False) + "\n")
