"""The embed state: what it returns, when it calls which model, and that bad input costs nothing."""

import pytest

from rag import vectors
from rag.contracts import EmbedRequest, EmbedResponse
from rag.embedding import EmbedQuery
from rag.errors import InvalidRequest, TransientError, UpstreamUnavailable
from rag.index_pointer import IndexPointer, IndexTarget
from rag.models import Embeddings
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_pointer import MemoryPointer

DEPLOYED = IndexTarget(model="wordllama-256", dimensions=2)
OTHER = IndexTarget(model="another", dimensions=2, host="https://another.example")


class CountingEmbedder:
    """Embeds every text as the same vector, and counts how often it was asked."""

    dimensions = 2
    endpoint = "http://127.0.0.1/v1"

    def __init__(self, model: str = DEPLOYED.model) -> None:
        self.model = model
        self.calls = 0

    def embed(self, texts: object) -> Embeddings:
        self.calls += 1
        return Embeddings([vectors.unit([3, 4])], tokens=6)


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
    return EmbedQuery(pointer, lambda target: by_model[target.model], MemoryCache(), default_top_k=5)


def ask(use_case: EmbedQuery, query: str = "What?", tenant: str = "default") -> EmbedResponse:
    return use_case(EmbedRequest.parse({"request": {"query": query, "tenant": tenant}, "trace_id": "t"}))


def test_a_query_comes_back_with_its_vector(use_case: EmbedQuery) -> None:
    embedding = ask(use_case).embedding
    assert vectors.decode(embedding.vector) == vectors.unit([3, 4])
    assert (embedding.target, embedding.tokens) == (DEPLOYED, 6)
    assert (embedding.cached, embedding.cost_usd) == (False, 0.0)


def test_the_same_query_is_embedded_once(use_case: EmbedQuery, embedder: CountingEmbedder) -> None:
    ask(use_case)
    again = ask(use_case, "  What? ").embedding
    assert (again.cached, again.tokens) == (True, 0)
    assert embedder.calls == 1


def test_another_tenant_does_not_see_what_was_asked(use_case: EmbedQuery) -> None:
    ask(use_case)
    assert not ask(use_case, tenant="other").embedding.cached


def test_bad_input_costs_no_call(embedder: CountingEmbedder) -> None:
    with pytest.raises(InvalidRequest):
        ask(embedding(UnreadablePointer(DEPLOYED), embedder), query=" ")
    assert embedder.calls == 0


def test_the_model_is_that_of_the_live_collection(pointer: MemoryPointer, embedder: CountingEmbedder) -> None:
    other = CountingEmbedder(OTHER.model)
    use_case = embedding(pointer, embedder, other)
    ask(use_case)

    pointer.store(IndexPointer(DEPLOYED, next=OTHER, revision=0))
    assert ask(use_case).embedding.target == DEPLOYED
    pointer.store(IndexPointer(OTHER, revision=1))

    switched = ask(use_case).embedding
    assert (switched.target, switched.cached) == (OTHER, False)
    assert (embedder.calls, other.calls) == (1, 1)


def test_without_the_pointer_nothing_is_embedded(embedder: CountingEmbedder) -> None:
    with pytest.raises(TransientError):
        ask(embedding(UnreadablePointer(DEPLOYED), embedder))
    assert embedder.calls == 0
