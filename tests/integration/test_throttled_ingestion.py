"""An embedding endpoint that asks for fewer requests: ingestion backs off, and no chunk is lost."""

import random
from collections.abc import Iterator
from itertools import count
from uuid import uuid4

import pytest

from tests.fakes.faulty_http import Exchange, throttled
from tests.fakes.openai_server import OpenAIServer
from tests.integration.conftest import ROOT, stack_of
from tests.integration.ingestion_site import IngestionSite

DIMENSIONS = 8
DOCUMENTS = 8
REFUSED = 0.3  # of the requests
PARAGRAPHS = 40


@pytest.fixture(scope="module")
def models() -> Iterator[OpenAIServer]:
    with OpenAIServer(DIMENSIONS, keys=("local",)) as server:
        yield server


@pytest.fixture(scope="module")
def site(models: OpenAIServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[IngestionSite]:
    parameters = {
        "EmbeddingBaseUrl": models.base_url,
        "EmbeddingModel": "stand-in",
        "EmbeddingDimensions": str(DIMENSIONS),
    }
    with stack_of(ROOT / "template.yaml", tmp_path_factory.mktemp("throttled"), parameters) as deployment:
        site = IngestionSite(deployment)
        site.quieten()
        yield site


def written(number: int) -> str:
    """Return a document of several chunks, none of which another one has."""
    words = (f"{number}-{word}" for word in count())
    return "\n\n".join(" ".join(next(words) for _ in range(30)) for _ in range(PARAGRAPHS))


def ingested(site: IngestionSite, tenant: str) -> set[tuple[str, int, str]]:
    """Ingest the documents side by side, and return what the index holds of them then."""
    events = [site.put(tenant, f"{number}.md", written(number)) for number in range(DOCUMENTS)]
    executions = [site.start(event) for event in events]
    assert site.finished(*executions) == ["SUCCEEDED"] * DOCUMENTS
    return {(one.chunk.document_id, one.chunk.ordinal, one.chunk.text) for one in site.chunks(tenant)}


def test_what_was_throttled_is_embedded_in_the_end(site: IngestionSite, models: OpenAIServer) -> None:
    calm, busy = (f"{name}-{uuid4().hex[:8]}" for name in ("calm", "busy"))
    undisturbed = ingested(site, calm)
    asked = len(models.requests)
    chance = random.Random(7)
    faults = [throttled("1") if chance.random() < REFUSED else properly for _ in range(20 * DOCUMENTS)]

    models.next(*[throttled("1")] * DOCUMENTS, *faults)

    assert ingested(site, busy) == undisturbed
    assert {(entry.status, entry.chunks > 1) for entry in site.entries(busy)} == {("ready", True)}
    assert sum(entry.chunks for entry in site.entries(busy)) == len(undisturbed)
    assert len(models.requests) - asked >= 2 * DOCUMENTS


def properly(exchange: Exchange) -> bool:
    exchange.send(exchange.response.head() + exchange.response.body)
    return True
