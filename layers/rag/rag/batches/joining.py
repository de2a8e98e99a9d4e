"""CollectBulk state: the results of all parts, one a line, in the order of the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from rag.batches.collecting import failed, is_answered, succeeded
from rag.batches.contracts import Batch, BatchOutput, BatchResult, CollectBulkRequest, ItemError, invalid
from rag.batches.staged import RESULTS_NAME, PartQuestion, part_of
from rag.batches.staging import BatchStaging
from rag.contracts import Answer
from rag.ports import ObjectStore

JOINED_NAME: Final = "results.jsonl"

_UNANSWERED: Final = ItemError(
    name="InternalError", message="Its part of the batch failed. The map run of the execution tells why."
)


@dataclass(frozen=True, slots=True)
class CollectBulk:
    """Joins what the parts left in the bucket. A part that failed fails those of its questions that had no answer."""

    objects: ObjectStore
    bucket: str

    def __call__(self, request: CollectBulkRequest) -> BatchOutput:
        """Return where the results are, and how many questions were answered and failed.

        Raises:
            InternalError: the batch is staged no longer.
            TransientError: the bucket could not be reached.
        """
        staging = BatchStaging(self.objects, request.batch)
        joined, answered, failures = bytearray(), 0, 0
        for number in range(staging.plan().parts):
            for result in self._results(part_of(request.batch.prefix, number)):
                joined += msgspec.json.encode(result) + b"\n"
                answered += is_answered(result)
                failures += result.status == "failed"
        key = staging.write_results(JOINED_NAME, bytes(joined))
        return BatchOutput(
            results_location=f"s3://{self.bucket}/{key}",
            answered=answered,
            failed=failures,
            trace_id=request.trace_id,
        )

    def _results(self, batch: Batch) -> list[BatchResult]:
        staging = BatchStaging(self.objects, batch)
        content = staging.results(RESULTS_NAME)
        if content is not None:
            return msgspec.json.decode(content, type=list[BatchResult])
        part, answers = staging.part(), staging.answers(staging.answered())
        return [_left(part.first + at, question, answers) for at, question in enumerate(part.questions)]


def _left(index: int, question: PartQuestion, answers: Mapping[int, Answer]) -> BatchResult:
    """Return what became of a question of a part that failed: a line that is none has its own error all the same."""
    if question.error:
        return failed(index, question.id, invalid(question.error))
    answer = answers.get(index)
    return failed(index, question.id, _UNANSWERED) if answer is None else succeeded(index, question.id, answer)
