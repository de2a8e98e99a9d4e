"""ComposeItem and GenerateItem states: one question of a batch, with what the query path's use cases do for any."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from rag.batches.contracts import ComposeItemRequest, ComposeItemResponse, GenerateItemRequest
from rag.batches.retrying import retried
from rag.batches.staging import BatchStaging
from rag.composing import ComposePrompt
from rag.contracts import ComposeRequest, GenerateRequest
from rag.generating import Generated, GenerateResponse
from rag.ports import ObjectStore


@dataclass(frozen=True, slots=True)
class Composed:
    """The state's output, and how many passages did not fit into the prompt."""

    response: ComposeItemResponse
    over_budget: int


@dataclass(frozen=True, slots=True)
class ComposeItem:
    """Writes the prompt of one question."""

    objects: ObjectStore
    compose: ComposePrompt

    def __call__(self, request: ComposeItemRequest) -> Composed:
        """Return what the model is to be asked, from the passages that are staged.

        Raises:
            InternalError: they are staged no longer.
            TransientError: the bucket could not be reached.
        """
        item = BatchStaging(self.objects, request.batch).item(request.item)
        composed = self.compose(
            ComposeRequest(query=item.query, passages=item.passages, degraded=item.degraded, trace_id=request.trace_id)
        )
        asked = GenerateRequest(
            query=item.query,
            rewritten_query=None,
            prompt=composed.prompt,
            spent=item.spent,
            degraded=composed.degraded,
            trace_id=request.trace_id,
        )
        return Composed(ComposeItemResponse(request=asked), len(item.passages) - len(composed.prompt.sources))


@dataclass(frozen=True, slots=True)
class GenerateItem:
    """Has the model answer one question. `pause` sleeps for so many seconds."""

    objects: ObjectStore
    generate: GenerateResponse
    pause: Callable[[float], None] = time.sleep

    def __call__(self, request: GenerateItemRequest) -> Generated:
        """Stage the answer, and return it. An answer that is paid for is written again where that fails.

        Raises:
            TransientError, PermanentError: as the chat model and the bucket do.
        """
        generated = self.generate(request.request)
        staging = BatchStaging(self.objects, request.batch)
        retried(lambda: staging.write_answer(request.index, generated.answer), self.pause)
        return generated
