"""PlanBatch state: cut a file of questions into parts, each a batch of its own, and list these in the bucket."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from rag.batches.contracts import MAX_QUESTIONS, Batch, BulkInput, PlanBatchRequest, PlanBatchResponse, Terms
from rag.batches.embedding import normalised
from rag.batches.lines import lines_in, question_in
from rag.batches.staged import PART_NAME, PartQuestion, Plan, StagedPart, area_of, part_of, prefix_of
from rag.batches.staging import BatchStaging
from rag.errors import InvalidRequest
from rag.ingestion.blocks import ReplacedMeanwhile, line_blocks
from rag.ports import ObjectStore

MAX_BULK_QUESTIONS: Final = 10_000

# Texts of one part: at a token a byte, the worst, they still are one request to the embedding model (300,000 tokens).
PART_BYTES: Final = 200 * 1024
_MISSING: Final = "queries_key must name an object that exists, below batches/ and the tenant's name."
_REPLACED: Final = "The file of questions was replaced while it was read: start it again."
_ENDLESS: Final = "The file of questions has a line of more than 16 MB."
_EMPTY: Final = "The file holds no question."
_TOO_MANY: Final = f"The file holds more than {MAX_BULK_QUESTIONS:,} questions: split it."


@dataclass(frozen=True, slots=True)
class PlanBatch:
    """Lists a bulk batch's parts. Planned again, it has the same, as long as its file is the same."""

    objects: ObjectStore
    bucket: str

    def __call__(self, request: PlanBatchRequest) -> PlanBatchResponse:
        """Stage the parts, and return where they are listed.

        Raises:
            InvalidRequest: what all questions share is malformed, or the file is missing, empty or too long.
            TransientError: the bucket could not be reached.
        """
        given = BulkInput.parse(request.request)
        terms = Terms(**{name: getattr(given, name) for name in Terms.__struct_fields__})
        normalised(terms, 1, "dense")  # the defaults are the parts' business
        prefix = prefix_of(given.tenant, request.trace_id)
        part, questions = 0, 0
        for part, packed in enumerate(_packed(self._questions(given)), start=1):
            BatchStaging(self.objects, part_of(prefix, part - 1)).write_part(StagedPart(terms, questions, packed))
            questions += len(packed)
        if not part:
            raise InvalidRequest(_EMPTY)
        staging = BatchStaging(self.objects, Batch(prefix=prefix))
        staging.write_plan(Plan(part))
        listed = [{"part": f"{part_of(prefix, number).prefix}/{PART_NAME}"} for number in range(part)]
        parts_key = staging.write_results("parts.json", msgspec.json.encode(listed))
        return PlanBatchResponse(
            batch=staging.batch, bucket=self.bucket, parts_key=parts_key, parts=part, questions=questions
        )

    def _questions(self, given: BulkInput) -> Iterator[PartQuestion]:
        key = given.queries_key
        info = self.objects.info(key) if key.startswith(area_of(given.tenant)) else None
        if info is None:
            raise InvalidRequest(_MISSING)
        count = 0
        try:
            for block in line_blocks(self.objects, key, info.etag, 0, info.size):
                if not block.data:
                    raise InvalidRequest(_ENDLESS)
                for number, line in lines_in(block.data, block.first_line):
                    count += 1
                    if count > MAX_BULK_QUESTIONS:
                        raise InvalidRequest(_TOO_MANY)
                    yield question_in(line, number)
        except ReplacedMeanwhile:
            raise InvalidRequest(_REPLACED) from None


def _packed(questions: Iterator[PartQuestion]) -> Iterator[list[PartQuestion]]:
    """Yield the questions in parts of at most a hundred whose texts are embedded in one request."""
    part, size = list[PartQuestion](), 0
    for question in questions:
        taken = len((question.query or "").encode())
        if part and (len(part) == MAX_QUESTIONS or size + taken > PART_BYTES):
            yield part
            part, size = [], 0
        part.append(question)
        size += taken
    if part:
        yield part
