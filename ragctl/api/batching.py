"""A file of questions over HTTP: up to a hundred of them are one batch."""

import time
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

import msgspec

from rag.batches.contracts import MAX_QUESTIONS
from ragctl.api.client import Client
from ragctl.api.model import Batch
from ragctl.api.problems import ApiProblemError, ApiUnreachableError
from ragctl.batching import BatchAnswers, Line, own_result
from ragctl.failure import Failure


def ask_all(client: Client, lines: Sequence[Line], shared: Mapping[str, Any]) -> BatchAnswers:
    """Return what became of each question. `shared` is what all of them have in common.

    A line that is no question fails alone, and is not sent.

    Raises:
        Failure: there are too many questions, or none; the API refuses, or the batch failed.
    """
    if len(lines) > MAX_QUESTIONS:
        raise Failure(f"Over HTTP a batch has at most {MAX_QUESTIONS} questions: leave --api out, or split the file.")
    queries = [line.question.query for line in lines if line.question.query is not None]
    if not queries:
        raise Failure("No line of the file is a question.")
    began = time.monotonic()
    started = client.start_batch(msgspec.convert({"queries": queries, **shared}, Batch), str(uuid4()))
    execution = client.wait_for_batch(started.id)
    if execution.problem is not None:
        raise ApiProblemError(execution.problem)
    batch = execution.result
    if batch is None:
        raise ApiUnreachableError(f"The execution {execution.id} ended as {execution.status}, without a result.")
    apart = isinstance(batch.results, msgspec.UnsetType)
    told = iter(msgspec.to_builtins(client.batch_results(execution.id) if apart else batch.results))
    results = [
        own_result({**(_UNSENT if line.question.query is None else next(told)), "index": index}, line)
        for index, line in enumerate(lines)
    ]
    failed = batch.failed + len(lines) - len(queries)
    return BatchAnswers(results, batch.answered, failed, batch.trace_id, time.monotonic() - began)


_UNSENT: Mapping[str, Any] = {"index": 0, "status": "failed"}
