"""Each distinct text is embedded once; what does not fit is never remembered."""

from array import array
from collections.abc import Sequence

import pytest

from rag.errors import MalformedResponse, UpstreamUnavailable
from rag.models import Embeddings
from rag.vectorising import CachedEmbedder
from rag.vectors import Vector
from tests.fakes.memory_cache import MemoryCache


class CountingEmbedder:
    """Gives each text a vector of its own and remembers the texts that it was sent."""

    model = "counting"
    dimensions = 2
    endpoint = "memory"

    def __init__(self) -> None:
        self.requests: list[list[str]] = []

    def embed(self, texts: Sequence[str]) -> Embeddings:
        self.requests.append(list(texts))
        return Embeddings([vector_of(text) for text in texts], tokens=len(texts))


def vector_of(text: str) -> "Vector[float]":
    return array("f", (float(len(text)), float(sum(text.encode()))))


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def cache() -> MemoryCache:
    return MemoryCache()


@pytest.fixture
def cached(embedder: CountingEmbedder, cache: MemoryCache) -> CachedEmbedder:
    return CachedEmbedder(embedder, cache)


def test_returns_a_vector_per_text_in_order(cached: CachedEmbedder) -> None:
    result = cached.embed("acme", ["one", "three", "two"])

    assert list(result.vectors) == [vector_of("one"), vector_of("three"), vector_of("two")]
    assert (result.tokens, result.reused) == (3, 0)


def test_what_was_embedded_before_is_not_embedded_again(cached: CachedEmbedder, embedder: CountingEmbedder) -> None:
    cached.embed("acme", ["one", "two"])

    result = cached.embed("acme", ["two", "four", "one"])

    assert embedder.requests == [["one", "two"], ["four"]]
    assert list(result.vectors) == [vector_of("two"), vector_of("four"), vector_of("one")]
    assert (result.tokens, result.reused) == (1, 2)


def test_a_text_that_occurs_twice_is_embedded_once(cached: CachedEmbedder, embedder: CountingEmbedder) -> None:
    result = cached.embed("acme", ["same", "same", "other"])

    assert embedder.requests == [["same", "other"]]
    assert list(result.vectors) == [vector_of("same"), vector_of("same"), vector_of("other")]
    assert result.reused == 1


def test_without_a_miss_the_model_is_not_called(cached: CachedEmbedder, embedder: CountingEmbedder) -> None:
    cached.embed("acme", ["one"])

    assert cached.embed("acme", ["one", "one"]).reused == 2
    assert cached.embed("acme", []).vectors == []
    assert embedder.requests == [["one"]]


def test_tenants_share_nothing(cached: CachedEmbedder, embedder: CountingEmbedder) -> None:
    cached.embed("acme", ["one"])
    cached.embed("globex", ["one"])

    assert embedder.requests == [["one"], ["one"]]


def test_a_cached_vector_of_other_dimensions_is_a_miss(
    cached: CachedEmbedder, embedder: CountingEmbedder, cache: MemoryCache
) -> None:
    cached.embed("acme", ["one"])
    cache.vectors = {key: array("f", (1.0,)) for key in cache.vectors}

    assert list(cached.embed("acme", ["one"]).vectors) == [vector_of("one")]
    assert len(embedder.requests) == 2


@pytest.mark.parametrize(
    "vectors",
    [[], [array("f", (1, 0))], [array("f", (1, 0))] * 3, [array("f", (1, 0)), array("f", (1, 0, 0))]],
    ids=["none", "too few", "too many", "other dimensions"],
)
def test_an_answer_that_does_not_fit_is_refused_and_not_remembered(
    cached: CachedEmbedder,
    embedder: CountingEmbedder,
    cache: MemoryCache,
    monkeypatch: pytest.MonkeyPatch,
    vectors: "list[Vector[float]]",
) -> None:
    monkeypatch.setattr(embedder, "embed", lambda _: Embeddings(vectors, tokens=1))

    with pytest.raises(MalformedResponse):
        cached.embed("acme", ["one", "two"])

    assert cache.vectors == {}


def test_a_failure_of_the_embedder_is_passed_on(
    cached: CachedEmbedder, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(texts: Sequence[str]) -> Embeddings:
        raise UpstreamUnavailable("away")

    monkeypatch.setattr(embedder, "embed", unreachable)

    with pytest.raises(UpstreamUnavailable):
        cached.embed("acme", ["one"])
