"""CollectBatch state: the results of a batch in the order asked, in the output or in the bucket."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from rag.batches.contracts import (
    MAX_RESULTS_BYTES,
    BatchOutput,
    BatchResult,
    CollectBatchRequest,
    ItemError,
    Outcome,
)
from rag.batches.staged import RESULTS_NAME, StagedQuestion
from rag.batches.staging import BatchStaging
from rag.contracts import Answer
from rag.errors import RagError
from rag.ports import ObjectStore

_LOST: Final = ItemError(name="InternalError", message="Its answer is gone: ask it again.")


@dataclass(frozen=True, slots=True)
class Collected:
    """The state's output, and whether what only answering needed could be deleted."""

    output: BatchOutput
    cleared: bool


@dataclass(frozen=True, slots=True)
class CollectBatch:
    """Puts together what became of each question, and deletes what only answering needed. `bucket` is its name."""

    objects: ObjectStore
    bucket: str

    def __call__(self, request: CollectBatchRequest) -> Collected:
        """Return the results, or where they are if they take more than 150 KiB; of a part its counts alone.

        What cannot be deleted just now fails nothing that is answered and paid for: the bucket forgets it in a week.

        Raises:
            InternalError: the batch is staged no longer.
            TransientError: the bucket could not be reached.
        """
        staging = BatchStaging(self.objects, request.batch)
        results = _results(staging, {outcome.index: outcome for outcome in request.outcomes})
        output = BatchOutput(
            results=results,
            answered=sum(is_answered(result) for result in results),
            failed=sum(result.status == "failed" for result in results),
            trace_id=request.trace_id,
        )
        content = msgspec.json.encode(results)
        if request.batch.part or len(content) > MAX_RESULTS_BYTES:
            key = staging.write_results(RESULTS_NAME, content)
            location = msgspec.UNSET if request.batch.part else f"s3://{self.bucket}/{key}"
            output = msgspec.structs.replace(output, results=msgspec.UNSET, results_location=location)
        return Collected(output, cleared=_cleared(staging))


def is_answered(result: BatchResult) -> bool:
    """Tell whether a question has an answer; a refusal is none."""
    return result.answer is not msgspec.UNSET and result.answer.answered


def failed(index: int, identifier: str | None, error: ItemError) -> BatchResult:
    """Return the result of a question that failed."""
    own = msgspec.UNSET if identifier is None else identifier
    return BatchResult(index=index, id=own, status="failed", error=error)


def succeeded(index: int, identifier: str | None, answer: Answer) -> BatchResult:
    """Return the result of a question that has its answer."""
    own = msgspec.UNSET if identifier is None else identifier
    return BatchResult(index=index, id=own, status="ok", answer=answer)


def _cleared(staging: BatchStaging) -> bool:
    try:
        staging.clear_working()
    except RagError:
        return False
    return True


def _results(staging: BatchStaging, outcomes: dict[int, Outcome]) -> list[BatchResult]:
    questions = staging.questions().questions
    answers = staging.answers(outcome.index for outcome in outcomes.values() if outcome.error is None)
    return list(_each(questions, outcomes, answers))


def _each(
    questions: Iterable[StagedQuestion], outcomes: Mapping[int, Outcome], answers: Mapping[int, Answer]
) -> Iterable[BatchResult]:
    for one in questions:
        error, answer = _error(one, outcomes), answers.get(one.index)
        if error is not None or answer is None:
            yield failed(one.index, one.id, error or _LOST)
        else:
            yield succeeded(one.index, one.id, answer)


def _error(question: StagedQuestion, outcomes: Mapping[int, Outcome]) -> ItemError | None:
    if question.error is not None:
        return question.error
    outcome = outcomes.get(question.index)
    return None if outcome is None else outcome.error
