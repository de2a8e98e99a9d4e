"""Reranking as it is deployed: a local stack whose models and reranker are stand-ins that a test scripts."""

from collections.abc import Iterator
from typing import Any

import pytest

from rag.identity import chunk_id
from rag.models import Chunk, IndexedChunk
from rag.registration import Registration
from ragctl import wiring
from ragctl.asking import Asker
from ragctl.deployment import Deployment
from tests.fakes import faulty_http as faults
from tests.fakes.openai_server import OpenAIServer
from tests.fakes.rerank_server import COHERE, RerankServer
from tests.integration.conftest import ROOT, live_index, stack_of

TEXTS = {
    "birds.md": "The canary sings at noon in the old aviary.",
    "clock.md": "A clock in the tower strikes twelve each day.",
}
QUESTION = TEXTS["birds.md"]  # asked verbatim, it is its own nearest neighbour


class Rig:
    """A stack, and the services that it calls."""

    def __init__(self, deployment: Deployment, models: OpenAIServer, rerankers: RerankServer) -> None:
        self.rerankers = rerankers
        self._models = models
        self._asker = Asker(deployment)

    def ask(self) -> Any:
        self._models.say("So it is [1].")
        return self._asker.ask({"query": QUESTION, "tenant": "acme", "mode": "dense"}).output


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    data = tmp_path_factory.mktemp("reranking")
    with OpenAIServer(dimensions=16, keys=("local",)) as models, RerankServer(keys=("local",)) as rerankers:
        parameters = {
            "EmbeddingBaseUrl": models.base_url, "ChatBaseUrl": models.base_url, "EmbeddingModel": "stand-in",
            "ChatModel": "stand-in", "EmbeddingDimensions": "16", "RelevanceRule": "always", "Reranker": "cohere",
            "RerankBaseUrl": f"{rerankers.url}/v2", "RerankModel": "some-model", "RerankSeconds": "1",
        }  # fmt: skip
        with stack_of(ROOT / "template.yaml", data, parameters) as deployment:
            _load(deployment)
            yield Rig(deployment, models, rerankers)


def _load(deployment: Deployment) -> None:
    embedded = wiring.embedder(deployment).embed(list(TEXTS.values())).vectors
    for name, vector in zip(TEXTS, embedded, strict=True):
        text = TEXTS[name]
        chunk = Chunk(chunk_id("acme", name, "1", 0), name, "1", 0, name, name, text, 12, 0, len(text))
        live_index(deployment).upsert("acme", [IndexedChunk(chunk, vector)])
        live = Registration("acme", name, status="ready", live_version="1", versions={"1": 1})
        wiring.registry(deployment).store([live])


@pytest.fixture
def rig(running: Rig) -> Rig:
    running.rerankers.requests.clear()
    return running


def cited(output: Any) -> list[str]:
    return [citation["document_id"] for citation in output["citations"]]


def test_a_reranker_that_agrees_leaves_the_nearest_passage_first(rig: Rig) -> None:
    output = rig.ask()

    assert (cited(output), output["degraded"]) == (["birds.md"], [])
    (asked,) = rig.rerankers.requests
    assert asked.json()["documents"] == [f"{name}\n{text}" for name, text in TEXTS.items()]


def test_a_reranker_that_knows_better_decides_which_passage_is_first(rig: Rig) -> None:
    rig.rerankers.next(faults.answer_json(COHERE.answer([(1, 0.9), (0, 0.1)])))

    output = rig.ask()

    assert (cited(output), output["degraded"]) == (["clock.md"], [])


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.hang, id="late"),
        pytest.param(faults.reset, id="down"),
        pytest.param(faults.throttled(), id="busy"),
        pytest.param(faults.html(), id="nonsense"),
        pytest.param(faults.answer_json(COHERE.answer([(1, 0.9)])), id="half"),
    ],
)
def test_a_reranker_that_fails_leaves_the_order_and_the_answer_says_so(rig: Rig, fault: faults.Fault) -> None:
    rig.rerankers.next(fault)

    output = rig.ask()

    assert output["answered"]
    assert (cited(output), output["degraded"]) == (["birds.md"], ["rerank"])
    assert len(rig.rerankers.requests) == 1


def test_a_key_that_is_refused_degrades_the_answer_alone(rig: Rig) -> None:
    rig.rerankers.keys.clear()
    try:
        output = rig.ask()
    finally:
        rig.rerankers.keys.add("local")

    assert (cited(output), output["degraded"]) == (["birds.md"], ["rerank"])
