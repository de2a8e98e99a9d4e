"""SearchBatch state: all questions of a batch through each leg of the search at once."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from rag.batches.contracts import SearchBatchRequest, SearchBatchResponse
from rag.batches.reranking import PatientReranker
from rag.batches.staged import StagedBatch, StagedItem, StagedQuestion
from rag.batches.staging import BatchStaging
from rag.contracts import Answer, Spent, Usage
from rag.errors import InternalError
from rag.filters import parse_filter
from rag.models import Principal
from rag.ports import ObjectStore, Reranker
from rag.retrieval import SearchedQuestion
from rag.searching import Found, SearchVectors

IGNORANCE: Final = "I don't know: no document that you may read answers this question."  # as query.asl.json has it


@dataclass(frozen=True, slots=True)
class SearchBatch:
    """Stages each question's passages; one that finds nothing relevant has its answer, which names `model`, at once.

    `patient` makes of the search's reranker the one for a batch.
    """

    objects: ObjectStore
    search: SearchVectors
    model: str
    patient: Callable[[Reranker], Reranker] = PatientReranker

    def __call__(self, request: SearchBatchRequest) -> SearchBatchResponse:
        """Return which questions have passages.

        Raises:
            InternalError: the batch is staged no longer.
            TransientError, PermanentError: as the store, the registry and the bucket do.
        """
        staging = BatchStaging(self.objects, request.batch)
        staged = staging.questions()
        found = dict(zip(staged.valid, self._found(staging, staged), strict=True))
        items = {
            question.index: StagedItem(question.query, _spent(question), one.passages, one.degraded)
            for question, one in found.items()
            if one.passages
        }
        refusals = {
            question.index: self._ignorance(question, one.degraded, request.trace_id)
            for question, one in found.items()
            if not one.passages
        }
        staging.write_refusals(refusals)
        reasons = [one.rerank_failure for one in found.values() if one.rerank_failure is not None]
        return SearchBatchResponse(
            items=staging.write_items(items),
            refused=len(refusals),
            passages=sum(len(one.passages) for one in found.values()),
            dropped=sum(one.dropped for one in found.values()),
            collapsed=sum(one.collapsed for one in found.values()),
            suspicious=sum(passage.suspicious for one in found.values() for passage in one.passages),
            distrusted=sum(one.distrusted for one in found.values()),
            rerank_failed=len(reasons),
            rerank_failures=sorted(set(reasons)),
        )

    def _found(self, staging: BatchStaging, staged: StagedBatch) -> list[Found]:
        shared, questions = staged.request, staged.valid
        lexical = shared.mode == "lexical"
        vectors = [None] * len(questions) if lexical else staging.vectors(staged)
        reranker = self.search.reranker
        search = self.search if reranker is None else replace(self.search, reranker=self.patient(reranker))
        return search.search_many(
            [[SearchedQuestion(one.query, vector)] for one, vector in zip(questions, vectors, strict=True)],
            Principal(shared.tenant, tuple(shared.groups)),
            parse_filter(shared.filter) if shared.filter is not None else None,
            shared.mode,
            shared.top_k,
            staged.target,
        )

    def _ignorance(self, question: StagedQuestion, degraded: list[str], trace_id: str) -> Answer:
        spent = _spent(question)
        return Answer(
            answer=IGNORANCE,
            answered=False,
            reason="no_relevant_passage",
            citations=[],
            query=question.query,
            rewritten_query=None,
            model=self.model,
            usage=Usage(
                embedding_tokens=spent.embedding_tokens,
                prompt_tokens=spent.prompt_tokens,
                completion_tokens=spent.completion_tokens,
                cost_usd=spent.cost_usd,
            ),
            cached_embedding=spent.cached_embedding,
            degraded=degraded,
            trace_id=trace_id,
        )


def _spent(question: StagedQuestion) -> Spent:
    if question.spent is None:
        raise InternalError("A question was staged without what its vector took.")
    return question.spent
