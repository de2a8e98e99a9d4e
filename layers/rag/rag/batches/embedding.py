"""EmbedBatch state: every question of a batch judged by itself, and the valid ones embedded in one request."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from rag.batches.contracts import (
    MAX_QUESTIONS,
    Batch,
    BatchInput,
    EmbedBatchRequest,
    EmbedBatchResponse,
    ItemError,
    Terms,
    invalid,
)
from rag.batches.staged import (
    PART_NAME,
    PartQuestion,
    StagedBatch,
    StagedPart,
    StagedQuestion,
    area_of,
    prefix_of,
)
from rag.batches.staging import BatchStaging
from rag.batches.texts import EmbeddedText, embedded_texts
from rag.contract import ModeName
from rag.contracts import EmbedRequest, QueryInput, QueryRequest, Spent, composed
from rag.errors import InvalidRequest
from rag.index_pointer import IndexTarget
from rag.objects import BATCHES
from rag.ports import Embedder, EmbeddingCache, ObjectStore, Pointer
from rag.pricing import cost_usd

_NO_STRING: Final = "query must be a string of 1 to 8,000 characters."
_NO_PART: Final = "part must be the key of a part that the bulk machine has staged for its tenant."
_UNASKED: Final = "?"  # stands for the text where only what all questions share is normalised
_UNSPENT: Final = Spent(embedding_tokens=0, prompt_tokens=0, completion_tokens=0, cost_usd=0.0, cached_embedding=False)


@dataclass(frozen=True, slots=True)
class EmbedBatch:
    """Stages a batch's questions and their vectors, of the model of the collection that is live."""

    objects: ObjectStore
    pointer: Pointer
    embedder_of: Callable[[IndexTarget], Embedder]
    cache: EmbeddingCache
    default_top_k: int
    default_mode: ModeName

    def __call__(self, request: EmbedBatchRequest) -> EmbedBatchResponse:
        """Return where the questions are staged; those that cannot be asked, or embedded, carry the reason.

        Raises:
            InvalidRequest: what all questions share is malformed.
            TransientError, PermanentError: as the pointer, the bucket and the embedder do.
        """
        batch, part = self._opened(request)
        shared = normalised(part.terms, self.default_top_k, self.default_mode)
        target = self.pointer.read().live
        embedder = self.embedder_of(target)
        asked = [_asked(part.first + at, question) for at, question in enumerate(part.questions)]
        texts = [question.query for question in asked if question.error is None]
        outcomes = dict[str, EmbeddedText | ItemError]()
        if texts and shared.mode != "lexical":
            outcomes = embedded_texts(embedder, self.cache, shared.tenant, texts)
        embedded = {text: outcome for text, outcome in outcomes.items() if isinstance(outcome, EmbeddedText)}
        staged = StagedBatch(shared, target, list(_settled(asked, outcomes)))
        vectors = [embedded[question.query].vector for question in staged.valid] if outcomes else []
        BatchStaging(self.objects, batch).write_questions(staged, vectors)
        fresh = sum(not one.spent.cached_embedding for one in embedded.values())
        tokens = sum(one.spent.embedding_tokens for one in embedded.values())
        return EmbedBatchResponse(
            batch=batch,
            questions=len(asked),
            malformed=len(asked) - len(texts),
            unembedded=len(texts) - len(staged.valid),
            embedded=fresh,
            reused=len(vectors) - fresh,
            tokens=tokens,
            cost_usd=cost_usd(embedder.model, embedder.endpoint, tokens),
        )

    def _opened(self, request: EmbedBatchRequest) -> tuple[Batch, StagedPart]:
        if isinstance(request.part, str):
            return self._opened_part(request.part)
        given = BatchInput.parse(request.request)
        questions = [
            PartQuestion(query) if isinstance(query, str) else PartQuestion(None, error=_NO_STRING)
            for query in given.queries
        ]
        return Batch(prefix=prefix_of(given.tenant, request.trace_id)), StagedPart(given, 0, questions)

    def _opened_part(self, key: str) -> tuple[Batch, StagedPart]:
        """Return a part. What is staged for a tenant is no other's, whatever it says of itself."""
        batch = Batch(prefix=key.removesuffix(f"/{PART_NAME}"), part=True)
        if not key.startswith(BATCHES) or not key.endswith(f"/{PART_NAME}"):
            raise InvalidRequest(_NO_PART)
        part = BatchStaging(self.objects, batch).part()
        if not key.startswith(area_of(part.terms.tenant)) or len(part.questions) > MAX_QUESTIONS:
            raise InvalidRequest(_NO_PART)
        return batch, part


def normalised(terms: Terms, default_top_k: int, default_mode: ModeName) -> QueryRequest:
    """Return what all questions of a batch share, with its defaults filled in.

    Raises:
        InvalidRequest: the filter is not of the language.
    """
    shared: dict[str, Any] = {name: getattr(terms, name) for name in Terms.__struct_fields__}
    request = EmbedRequest(request=QueryInput(query=_UNASKED, **shared), trace_id=_UNASKED)
    return request.normalised(default_top_k, default_mode)


def _asked(index: int, question: PartQuestion) -> StagedQuestion:
    if question.query is None:
        return StagedQuestion(index, id=question.id, error=invalid(question.error))
    try:
        return StagedQuestion(index, composed(question.query), question.id)
    except InvalidRequest as error:
        return StagedQuestion(index, id=question.id, error=invalid(str(error)))


def _settled(
    asked: Iterable[StagedQuestion], outcomes: Mapping[str, EmbeddedText | ItemError]
) -> Iterator[StagedQuestion]:
    """Yield the questions with what their vectors took, or why they have none; without outcomes nobody needs one."""
    billed = set[str]()
    for question in asked:
        match outcomes.get(question.query):
            case ItemError() as error:
                yield msgspec.structs.replace(question, error=error)
            case EmbeddedText() as text:
                spent = text.spent_again if question.query in billed else text.spent
                billed.add(question.query)
                yield msgspec.structs.replace(question, spent=spent)
            case None:
                yield question if question.error else msgspec.structs.replace(question, spent=_UNSPENT)
