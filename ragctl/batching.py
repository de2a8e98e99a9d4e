"""Many questions of a file through the batch machines: up to a hundred in one execution, more of them as a bulk run."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from rag.batches.contracts import MAX_QUESTIONS
from rag.batches.lines import lines_in, question_in
from rag.batches.staged import PartQuestion, prefix_of
from ragctl import wiring
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.machines import Machine, complaint

_MAX_INPUT_BYTES: Final = 200 * 1024  # of an execution, which Step Functions refuses beyond 256 KiB
_SECONDS_BETWEEN_COUNTS: Final = 1.0
_DEFAULT_TENANT: Final = "default"

Show = Callable[[int], None]


@dataclass(frozen=True)
class Line:
    """A line of a file: as it goes to the bucket, and the question that it is, if it is one."""

    content: bytes
    question: PartQuestion


@dataclass(frozen=True)
class BatchAnswers:
    """What became of each question, in the order of the file, and the time from start to end."""

    results: Sequence[Mapping[str, Any]]
    answered: int
    failed: int
    trace_id: str
    seconds: float

    def as_object(self) -> dict[str, Any]:
        """Return the machines' output, its results in place."""
        counts = {"answered": self.answered, "failed": self.failed, "trace_id": self.trace_id}
        return {"results": list(self.results), **counts}


def read_lines(path: Path) -> list[Line]:
    """Return the questions of a file: JSON, one a line, or in a .txt file the lines themselves.

    Raises:
        OSError: it cannot be read.
    """
    plain = path.suffix.lower() == ".txt"
    lines = []
    for number, raw in lines_in(path.read_bytes()):
        content = json.dumps(raw.decode("utf-8", "replace").strip()).encode() if plain else raw
        lines.append(Line(content, question_in(content, number)))
    return lines


class BatchAsker:
    """Puts files of questions to a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._objects = wiring.objects(deployment)

    def ask(self, lines: Sequence[Line], shared: Mapping[str, Any], show: Show = lambda _: None) -> BatchAnswers:
        """Return what became of each question. `shared` is what all of them have in common.

        Raises:
            Failure: the execution failed, or could not be started or followed.
            RagError: the bucket refuses.
        """
        name = f"ask-{uuid4()}"
        prefix = prefix_of(shared.get("tenant", _DEFAULT_TENANT), name)
        request = {"queries": [line.question.query for line in lines], **shared}
        if len(lines) <= MAX_QUESTIONS and len(json.dumps(request)) <= _MAX_INPUT_BYTES:
            machine = Machine(self._deployment, "BatchStateMachineArn")
        else:
            key = f"{prefix}/queries.jsonl"
            self._objects.write(key, b"\n".join(line.content for line in lines))
            machine = Machine(self._deployment, "BatchBulkStateMachineArn")
            request = {"queries_key": key, **shared}
        described = self._followed(machine, request, name, prefix, show)
        results = self._results(described)
        return _answers(described, [own_result(result, line) for result, line in zip(results, lines, strict=True)])

    def _followed(
        self, machine: Machine, request: Mapping[str, Any], name: str, prefix: str, show: Show
    ) -> Mapping[str, Any]:
        execution = machine.start(request, name)
        counted = time.monotonic()
        while (described := machine.described(execution))["status"] == "RUNNING":
            time.sleep(machine.pause)
            if time.monotonic() - counted >= _SECONDS_BETWEEN_COUNTS:
                show(sum("/answer-" in info.key for info in self._objects.list(f"{prefix}/")))
                counted = time.monotonic()
        if described["status"] != "SUCCEEDED":
            raise Failure(complaint(described))
        return described

    def _results(self, described: Mapping[str, Any]) -> list[dict[str, Any]]:
        output = json.loads(described["output"])
        if "results" in output:
            return list(output["results"])
        key = output["results_location"].removeprefix("s3://").partition("/")[2]
        content = self._objects.read(key)
        if content is None:
            raise Failure(f"The results are gone: {output['results_location']}")
        return (
            [json.loads(line) for line in content.data.splitlines()]
            if key.endswith(".jsonl")
            else json.loads(content.data)
        )


def own_result(result: dict[str, Any], line: Line) -> dict[str, Any]:
    """Return the result with the line's id, and with what is wrong with the line by its number in the file."""
    index, *rest = result.items()
    identified = dict([index, *([("id", line.question.id)] if line.question.id is not None else []), *rest])
    if line.question.error:
        identified["error"] = {"name": "InvalidRequest", "message": line.question.error}
    return identified


def _answers(described: Mapping[str, Any], results: Sequence[Mapping[str, Any]]) -> BatchAnswers:
    output = json.loads(described["output"])
    taken = (described["stopDate"] - described["startDate"]).total_seconds()
    return BatchAnswers(results, output["answered"], output["failed"], output["trace_id"], taken)
