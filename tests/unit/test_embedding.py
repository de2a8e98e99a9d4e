"""The embed state: what it returns, when it calls which model, and that bad input costs nothing."""

from collections.abc import Sequence
from typing import Any

import pytest

from rag import vectors
from rag.contracts import EmbedRequest, Spent
from rag.embedding import Embedded, EmbedQuery
from rag.errors import InvalidRequest, TransientError, UpstreamUnavailable
from rag.index_pointer import IndexPointer, IndexTarget
from rag.models import Embeddings
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_pointer import MemoryPointer

DEPLOYED = IndexTarget(model="wordllama-256", dimensions=2)
OTHER = IndexTarget(model="another", dimensions=2, host="https://another.example")


class CountingEmbedder:
    """Embeds every text as the same vector, and remembers what it was asked."""

    dimensions = 2
    endpoint = "http://127.0.0.1/v1"

    def __init__(self, model: str = DEPLOYED.model) -> None:
        self.model = model
        self.asked: list[list[str]] = []

    @property
    def calls(self) -> int:
        return len(self.asked)

    def embed(self, texts: Sequence[str]) -> Embeddings:
        self.asked.append(list(texts))
        return Embeddings([vectors.unit([3, 4]) for _ in texts], tokens=6)


class UnreadablePointer(MemoryPointer):
    """A pointer that cannot be read."""

    def read(self) -> IndexPointer:
        raise UpstreamUnavailable("The pointer could not be read.")


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def pointer() -> MemoryPointer:
    return MemoryPointer(DEPLOYED)


@pytest.fixture
def use_case(pointer: MemoryPointer, embedder: CountingEmbedder) -> EmbedQuery:
    return embedding(pointer, embedder)


def embedding(pointer: MemoryPointer, *embedders: CountingEmbedder) -> EmbedQuery:
    by_model = {embedder.model: embedder for embedder in embedders}
    return EmbedQuery(
        pointer, lambda target: by_model[target.model], MemoryCache(), default_top_k=5, default_mode="hybrid"
    )


def ask(use_case: EmbedQuery, query: str = "What?", rewriting: Any = None, **fields: Any) -> Embedded:
    request = {"query": query, **fields}
    return use_case(EmbedRequest.parse({"request": request, "rewriting": rewriting, "trace_id": "t"}))


def rewriting(*phrasings: str, cost_usd: float | None = 0.25) -> dict[str, Any]:
    return {
        "question": "What is it?", "phrasings": [*phrasings], "prompt_tokens": 40, "completion_tokens": 9,
        "cost_usd": cost_usd,
    }  # fmt: skip


def test_a_query_comes_back_with_its_vector(use_case: EmbedQuery) -> None:
    response = ask(use_case).response
    assert [vectors.decode(vector) for vector in response.embedding.vectors] == [vectors.unit([3, 4])]
    assert response.embedding.target == DEPLOYED
    assert response.spent == Spent(
        embedding_tokens=6, prompt_tokens=0, completion_tokens=0, cost_usd=0.0, cached_embedding=False
    )
    assert (response.request.mode, response.degraded) == ("hybrid", [])


def test_the_same_query_is_embedded_once(use_case: EmbedQuery, embedder: CountingEmbedder) -> None:
    ask(use_case)
    again = ask(use_case, "  What? ").response.spent
    assert (again.cached_embedding, again.embedding_tokens) == (True, 0)
    assert embedder.calls == 1


def test_another_tenant_does_not_see_what_was_asked(use_case: EmbedQuery) -> None:
    ask(use_case)
    assert not ask(use_case, tenant="other").response.spent.cached_embedding


def test_a_question_and_its_phrasings_are_embedded_in_one_call(
    use_case: EmbedQuery, embedder: CountingEmbedder
) -> None:
    response = ask(use_case, "And that?", rewriting("What does it mean?", "Its meaning?")).response
    assert embedder.asked == [["What is it?", "What does it mean?", "Its meaning?"]]
    assert len(response.embedding.vectors) == 3


def test_a_question_is_cached_only_if_its_phrasings_are(use_case: EmbedQuery) -> None:
    ask(use_case, "What is it?")
    assert not ask(use_case, "And?", rewriting("Its meaning?")).response.spent.cached_embedding
    assert ask(use_case, "And?", rewriting("Its meaning?")).response.spent.cached_embedding


def test_lexical_mode_embeds_nothing(use_case: EmbedQuery, embedder: CountingEmbedder) -> None:
    response = ask(use_case, mode="lexical").response
    assert (response.embedding.vectors, response.embedding.target, embedder.calls) == ([], DEPLOYED, 0)
    assert response.spent == Spent(
        embedding_tokens=0, prompt_tokens=0, completion_tokens=0, cost_usd=0.0, cached_embedding=False
    )


def test_what_the_rewriting_took_is_part_of_what_is_spent(use_case: EmbedQuery) -> None:
    embedded = ask(use_case, "And?", rewriting())
    assert (embedded.response.spent.prompt_tokens, embedded.response.spent.completion_tokens) == (40, 9)
    assert (embedded.response.spent.cost_usd, embedded.cost_usd) == (0.25, 0.0)


def test_a_rewriting_of_unknown_cost_leaves_the_cost_unknown(use_case: EmbedQuery) -> None:
    assert ask(use_case, "And?", rewriting(cost_usd=None)).response.spent.cost_usd is None


def test_bad_input_costs_no_call(embedder: CountingEmbedder) -> None:
    with pytest.raises(InvalidRequest):
        ask(embedding(UnreadablePointer(DEPLOYED), embedder), query=" ")
    assert embedder.calls == 0


def test_the_model_is_that_of_the_live_collection(pointer: MemoryPointer, embedder: CountingEmbedder) -> None:
    other = CountingEmbedder(OTHER.model)
    use_case = embedding(pointer, embedder, other)
    ask(use_case)

    pointer.store(IndexPointer(DEPLOYED, next=OTHER, revision=0))
    assert ask(use_case).response.embedding.target == DEPLOYED
    pointer.store(IndexPointer(OTHER, revision=1))

    switched = ask(use_case).response
    assert (switched.embedding.target, switched.spent.cached_embedding) == (OTHER, False)
    assert (embedder.calls, other.calls) == (1, 1)


def test_without_the_pointer_nothing_is_embedded(embedder: CountingEmbedder) -> None:
    with pytest.raises(TransientError):
        ask(embedding(UnreadablePointer(DEPLOYED), embedder))
    assert embedder.calls == 0
