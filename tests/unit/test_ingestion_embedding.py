"""What is known is not embedded again, and what was staged once costs nothing a second time."""

from collections.abc import Sequence

import pytest

from rag.errors import InternalError, UpstreamThrottled
from rag.ingestion.contracts import BatchRequest, EmbedChunksResponse, Work
from rag.ingestion.embedding import EmbedChunks
from rag.ingestion.staging import Staging
from rag.models import Chunk
from tests.fakes.ingestion_stage import LIVE, TENANT, FakeEmbedder
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_objects import MemoryObjects

WORK = Work(tenant=TENANT, prefix=f"staging/{TENANT}/e")


@pytest.fixture
def staging() -> Staging:
    return Staging(MemoryObjects(), WORK)


def stage(staging: Staging, *texts: str) -> None:
    chunks = [Chunk(f"{n:032}", "d", "v", n, "T", "d", text, 3, 0, len(text)) for n, text in enumerate(texts)]
    staging.write_chunks(0, chunks)


def run(staging: Staging, embedder: FakeEmbedder, cache: MemoryCache) -> EmbedChunksResponse:
    use_case = EmbedChunks(staging.objects, lambda _: embedder, cache)
    return use_case(BatchRequest(work=WORK, batch=0, target=LIVE, trace_id="e"))


def test_vectors_are_staged_in_the_order_of_the_chunks(staging: Staging) -> None:
    embedder = FakeEmbedder(LIVE)
    stage(staging, "one", "two")

    run(staging, embedder, MemoryCache())

    assert staging.vectors(0, LIVE) == list(embedder.embed(["T\none", "T\ntwo"]).vectors)


def test_only_what_is_new_is_embedded_and_equal_texts_once(staging: Staging) -> None:
    embedder, cache = FakeEmbedder(LIVE), MemoryCache()
    stage(staging, "old")
    run(staging, embedder, cache)
    staging.clear()
    stage(staging, "old", "new", "new")
    embedder.texts.clear()

    response = run(staging, embedder, cache)

    assert embedder.texts == ["T\nnew"]
    assert (response.chunks, response.embedded, response.reused, response.tokens) == (3, 1, 2, 1)


def test_a_second_attempt_costs_nothing_and_tells_the_same(staging: Staging) -> None:
    embedder = FakeEmbedder(LIVE)
    stage(staging, "one", "two")
    first = run(staging, embedder, MemoryCache())
    embedder.texts.clear()

    assert run(staging, embedder, MemoryCache()) == first
    assert embedder.texts == []


def test_an_attempt_that_fails_leaves_nothing_behind(staging: Staging) -> None:
    class Throttled(FakeEmbedder):
        def embed(self, texts: Sequence[str]) -> object:  # type: ignore[override]
            raise UpstreamThrottled("later")

    stage(staging, "one")
    with pytest.raises(UpstreamThrottled):
        run(staging, Throttled(LIVE), MemoryCache())

    assert staging.embedded(0, LIVE) is None


def test_a_batch_that_is_gone_is_an_error_that_says_so(staging: Staging) -> None:
    with pytest.raises(InternalError, match="gone"):
        run(staging, FakeEmbedder(LIVE), MemoryCache())
