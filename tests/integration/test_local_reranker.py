"""The local model server reranks in the form of Cohere's API: through the adapter, and with its refusals."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import urllib3

from rag.adapters.cohere_reranker import CohereReranker
from rag.errors import UpstreamRejected
from ragctl.local.models.api import ModelApi
from ragctl.local.models.server import ModelServer
from tests.fakes.secrets import fixed_credential

PASSAGES = [
    "Parking\nThe garage closes at eleven. Bicycles stand in the yard.",
    "Travel expenses\nSubmit the claim within 30 days after the end of the trip.",
    "Lunch\nThe canteen serves soup on Mondays.",
]
QUESTION = "How many days do I have to submit a travel claim?"


@pytest.fixture(scope="module")
def server() -> Iterator[ModelServer]:
    with ModelServer("127.0.0.1", 0) as server:
        server.api = ModelApi()
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def rerank(server: ModelServer, passages: list[str], model: str = "extractive-rerank") -> list[float]:
    with closing(CohereReranker(fixed_credential(), server.base_url, model, 30)) as reranker:
        return reranker.rerank(QUESTION, passages)


def refusal(server: ModelServer, body: Any) -> int:
    with urllib3.PoolManager() as pool:
        return int(pool.request("POST", f"{server.base_url}/rerank", json=body, timeout=30).status)


def test_the_passage_with_the_answering_sentence_is_most_relevant(server: ModelServer) -> None:
    relevance = rerank(server, PASSAGES)

    assert max(relevance) == relevance[1]


def test_the_order_asked_in_changes_nothing(server: ModelServer) -> None:
    assert rerank(server, PASSAGES[::-1]) == pytest.approx(rerank(server, PASSAGES)[::-1])


def test_a_passage_that_stands_there_twice_is_judged_twice_alike(server: ModelServer) -> None:
    first, *_, last = rerank(server, [*PASSAGES, PASSAGES[0]])

    assert first == pytest.approx(last)


def test_a_passage_without_text_is_least_relevant(server: ModelServer) -> None:
    relevance = rerank(server, [*PASSAGES, "", "\n"])

    assert relevance[3:] == [-1.5, -1.5]
    assert min(relevance[:3]) > -1.5


def test_a_passage_that_only_asks_is_judged_as_a_whole(server: ModelServer) -> None:
    asking, blank = rerank(server, ["How many days for a travel claim?", ""])

    assert asking > blank


def test_passages_without_text_alone_are_judged_too(server: ModelServer) -> None:
    assert rerank(server, ["", " "]) == [-1.5, -1.5]


def test_texts_without_letters_can_be_judged(server: ModelServer) -> None:
    (alone,) = rerank(server, ["???"])
    signs, answering = rerank(server, ["…", PASSAGES[1]])

    assert -1.5 <= alone <= 0.5
    assert signs < answering


def test_the_best_alone_are_listed_on_request(server: ModelServer) -> None:
    body = {"model": "extractive-rerank", "query": QUESTION, "documents": PASSAGES, "top_n": 1}
    with urllib3.PoolManager() as pool:
        answer = pool.request("POST", f"{server.base_url}/rerank", json=body, timeout=30).json()

    assert [result["index"] for result in answer["results"]] == [1]


def test_another_model_is_refused(server: ModelServer) -> None:
    with pytest.raises(UpstreamRejected):
        rerank(server, PASSAGES, "rerank-v3.5")


@pytest.mark.parametrize(
    "changed",
    [{"documents": []}, {"documents": ["x"] * 1001}, {"documents": "x"}, {"query": " "}, {"top_n": 0}, {"top_n": "1"}],
)
def test_what_makes_no_sense_is_refused(server: ModelServer, changed: dict[str, Any]) -> None:
    assert refusal(server, {"model": "extractive-rerank", "query": QUESTION, "documents": PASSAGES, **changed}) == 400
