"""The embed state: what it returns, when it calls the model, and that bad input costs nothing."""

import pytest

from rag import vectors
from rag.contracts import EmbedRequest, EmbedResponse
from rag.embedding import EmbedQuery
from rag.errors import InvalidRequest
from rag.models import Embeddings
from tests.fakes.memory_cache import MemoryCache


class CountingEmbedder:
    """Embeds every text as the same vector, and counts how often it was asked."""

    model = "wordllama-256"
    dimensions = 2
    endpoint = "http://127.0.0.1/v1"

    def __init__(self) -> None:
        self.calls = 0

    def embed(self, texts: object) -> Embeddings:
        self.calls += 1
        return Embeddings([vectors.unit([3, 4])], tokens=6)


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def use_case(embedder: CountingEmbedder) -> EmbedQuery:
    return EmbedQuery(embedder, MemoryCache(), default_top_k=5)


def ask(use_case: EmbedQuery, query: str = "What?", tenant: str = "default") -> EmbedResponse:
    return use_case(EmbedRequest.parse({"request": {"query": query, "tenant": tenant}, "trace_id": "t"}))


def test_a_query_comes_back_with_its_vector(use_case: EmbedQuery) -> None:
    embedding = ask(use_case).embedding
    assert vectors.decode(embedding.vector) == vectors.unit([3, 4])
    assert (embedding.dimensions, embedding.model, embedding.tokens) == (2, "wordllama-256", 6)
    assert (embedding.cached, embedding.cost_usd) == (False, 0.0)


def test_the_same_query_is_embedded_once(use_case: EmbedQuery, embedder: CountingEmbedder) -> None:
    ask(use_case)
    again = ask(use_case, "  What? ").embedding
    assert (again.cached, again.tokens) == (True, 0)
    assert embedder.calls == 1


def test_another_tenant_does_not_see_what_was_asked(use_case: EmbedQuery) -> None:
    ask(use_case)
    assert not ask(use_case, tenant="other").embedding.cached


def test_bad_input_costs_no_call(use_case: EmbedQuery, embedder: CountingEmbedder) -> None:
    with pytest.raises(InvalidRequest):
        ask(use_case, query=" ")
    assert embedder.calls == 0
