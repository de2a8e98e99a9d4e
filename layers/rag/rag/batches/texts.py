"""The texts of a batch: the vector of each with its share of the bill, or the error of one that has none."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from rag.batches.contracts import ItemError
from rag.batches.halving import embedded_in_parts
from rag.contracts import Spent
from rag.ports import Embedder, EmbeddingCache
from rag.pricing import cost_usd
from rag.vectorising import ReusedEmbeddings
from rag.vectors import Vector


@dataclass(frozen=True, slots=True)
class EmbeddedText:
    """A text's vector, and what it took the question that had it first."""

    vector: "Vector[float]"
    spent: Spent

    @property
    def spent_again(self) -> Spent:
        """What it takes any other question: nothing."""
        cost = None if self.spent.cost_usd is None else 0.0
        return msgspec.structs.replace(self.spent, embedding_tokens=0, cost_usd=cost, cached_embedding=True)


def embedded_texts(
    embedder: Embedder, cache: EmbeddingCache, tenant: str, texts: Sequence[str]
) -> dict[str, EmbeddedText | ItemError]:
    """Return what became of each distinct text. What the model refuses of them by itself is an error of its own.

    Raises:
        TransientError, PermanentError: as the embedder does; its refusals if it takes none of the texts.
    """
    outcomes = dict[str, EmbeddedText | ItemError]()
    for part in embedded_in_parts(embedder, cache, tenant, list(dict.fromkeys(texts))):
        if isinstance(part.outcome, ReusedEmbeddings):
            bills = _bills(embedder, part.texts, part.outcome)
            for text, vector, bill in zip(part.texts, part.outcome.vectors, bills, strict=True):
                outcomes[text] = EmbeddedText(vector, bill)
        else:
            error = ItemError(name=type(part.outcome).__name__, message=str(part.outcome))
            outcomes |= dict.fromkeys(part.texts, error)
    return outcomes


def _bills(embedder: Embedder, texts: Sequence[str], embedded: ReusedEmbeddings) -> list[Spent]:
    """Share the tokens of one request among the texts that were in it, by their lengths; the sum stays what it is."""
    shares = [len(text.encode()) if at in embedded.fresh else 0 for at, text in enumerate(texts)]
    whole, passed, bills, billed = sum(shares) or 1, 0, list[Spent](), 0
    for at, share in enumerate(shares):
        passed += share
        tokens = embedded.tokens * passed // whole - billed
        billed += tokens
        bills.append(
            Spent(
                embedding_tokens=tokens,
                prompt_tokens=0,
                completion_tokens=0,
                cost_usd=cost_usd(embedder.model, embedder.endpoint, tokens),
                cached_embedding=at not in embedded.fresh,
            )
        )
    return bills
