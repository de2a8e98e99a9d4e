"""Batches as they are deployed, on a local stack whose models and whose way to Milvus Lite count their calls."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from rag.adapters.milvus_schema import create_milvus_collection
from rag.batches.lines import question_in
from rag.identity import chunk_id, collection_name
from rag.models import Chunk, IndexedChunk
from rag.registration import Registration
from ragctl import wiring
from ragctl.asking import Asker
from ragctl.batching import BatchAnswers, BatchAsker, Line
from ragctl.deployment import Deployment
from ragctl.failure import Failure
from tests.fakes.faulty_http import Request, Response
from tests.fakes.milvus_gate import MilvusGate
from tests.fakes.milvus_lite import MilvusLite
from tests.fakes.openai_server import OpenAIServer
from tests.integration.conftest import ROOT, live_index, stack_of

MODEL, DIMENSIONS = "stand-in", 3_072
TENANT = "acme"
BIRDS = ["canary", "wren", "heron", "swift", "magpie", "robin", "plover", "curlew", "jackdaw", "lapwing"]
SPENT = {"trace_id", "usage", "cached_embedding"}  # by one request here, and by a hundred there


class Models(OpenAIServer):
    """Refuses to answer what asks about the dodo, and to embed what asks about the moa."""

    def _answer(self, request: Request) -> Response:
        chats, embeds = (request.path == path for path in ("/v1/chat/completions", "/v1/embeddings"))
        if (chats and "dodo" in request.json()["messages"][-1]["content"]) or (
            embeds and any("moa" in text for text in request.json()["input"])
        ):
            return Response.of_json({"error": {"message": "no", "type": "e", "param": None, "code": "c"}}, 400)
        return super()._answer(request)


class Rig:
    """A stack, and what counts its calls."""

    def __init__(self, deployment: Deployment, models: Models, milvus: MilvusGate) -> None:
        self.deployment = deployment
        self.models = models
        self.milvus = milvus

    def batch(self, *queries: Any, **shared: Any) -> BatchAnswers:
        contents = [json.dumps(query).encode() for query in queries]
        lines = [Line(content, question_in(content, number)) for number, content in enumerate(contents, start=1)]
        return BatchAsker(self.deployment).ask(lines, {"tenant": TENANT, **shared})

    def embedded(self) -> list[list[str]]:
        return [asked.json()["input"] for asked in self.models.requests if asked.path == "/v1/embeddings"]

    def rag(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "RAG_ENDPOINT": str(self.deployment.endpoint)}
        command = [sys.executable, "-m", "ragctl", *arguments]
        return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("batches")
    with (
        MilvusLite(directory / "milvus") as milvus,
        MilvusGate(milvus.uri) as gate,
        Models(dimensions=DIMENSIONS, keys=("local",)) as models,
    ):
        create_milvus_collection(None, milvus.uri, collection_name(MODEL, DIMENSIONS), DIMENSIONS)
        parameters = {
            "EmbeddingBaseUrl": models.base_url, "ChatBaseUrl": models.base_url, "EmbeddingModel": MODEL,
            "ChatModel": MODEL, "EmbeddingDimensions": str(DIMENSIONS), "MilvusUri": gate.uri,
            "RelevanceRule": "always",
        }  # fmt: skip
        with stack_of(ROOT / "template.yaml", directory, parameters) as deployment:
            _load(deployment)
            yield Rig(deployment, models, gate)


def _load(deployment: Deployment) -> None:
    texts = [f"The {bird} sings at {hour} o'clock. Guests may listen." for hour, bird in enumerate(BIRDS)]
    embedded = wiring.embedder(deployment).embed(texts).vectors
    for bird, text, vector in zip(BIRDS, texts, embedded, strict=True):
        name = f"{bird}.md"
        chunk = Chunk(chunk_id(TENANT, name, "1", 0), name, "1", 0, bird, name, text, 12, 0, len(text))
        live_index(deployment).upsert(TENANT, [IndexedChunk(chunk, vector)])
        live = Registration(TENANT, name, status="ready", live_version="1", versions={"1": 1})
        wiring.registry(deployment).store([live])


@pytest.fixture
def rig(running: Rig) -> Rig:
    running.models.requests.clear()
    running.milvus.calls.clear()
    return running


def questions(count: int, about: str) -> list[str]:
    return [f"When does the {BIRDS[number % len(BIRDS)]} sing, {about} {number}?" for number in range(count)]


def test_a_hundred_questions_are_one_embedding_request_and_one_search_per_leg(rig: Rig) -> None:
    asked: list[Any] = questions(100, "first")
    asked[3], asked[50], asked[99] = None, "", "x" * 8_001
    malformed = {3, 50, 99}

    answers = rig.batch(*asked, mode="hybrid")

    assert [len(texts) for texts in rig.embedded()] == [97]
    assert rig.milvus.calls["Search"] + rig.milvus.calls["HybridSearch"] == 2
    assert {result["index"] for result in answers.results if result["status"] == "failed"} == malformed
    assert {answers.results[index]["error"]["name"] for index in malformed} == {"InvalidRequest"}
    good = [result for result in answers.results if result["index"] not in malformed]
    assert [result["answer"]["query"] for result in good] == [asked[result["index"]] for result in good]
    assert (answers.answered, answers.failed) == (97, 3)


def test_the_same_batch_again_embeds_nothing(rig: Rig) -> None:
    rig.batch(*questions(10, "again"))
    rig.models.requests.clear()

    answers = rig.batch(*questions(10, "again"))

    assert rig.embedded() == []
    assert all(result["answer"]["cached_embedding"] for result in answers.results)


def test_the_answers_are_those_of_single_questions(rig: Rig) -> None:
    asked = questions(20, "compared")
    asker = Asker(rig.deployment)

    batched = [result["answer"] for result in rig.batch(*asked).results]

    single = [asker.ask({"query": query, "tenant": TENANT}).output for query in asked]
    assert [_without_bill(answer) for answer in batched] == [_without_bill(answer) for answer in single]


def _without_bill(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what differs by right; scores that are computed together may differ in their last digit."""
    citations = [{**citation, "score": round(citation["score"], 4)} for citation in answer["citations"]]
    return {name: value for name, value in answer.items() if name not in SPENT} | {"citations": citations}


def test_a_question_that_the_model_refuses_fails_alone(rig: Rig) -> None:
    answers = rig.batch("When does the canary sing?", "When does the dodo sing?", "When does the wren sing?")

    assert [result["status"] for result in answers.results] == ["ok", "failed", "ok"]
    assert answers.results[1]["error"]["name"] == "UpstreamRejected"


def test_a_question_that_the_embedding_model_refuses_fails_alone(rig: Rig) -> None:
    answers = rig.batch(*questions(20, "beside it"), "When does the moa sing?", mode="hybrid")

    assert [result["status"] for result in answers.results] == ["ok"] * 20 + ["failed"]
    assert answers.results[20]["error"]["name"] == "UpstreamRejected"
    assert (answers.answered, answers.failed) == (20, 1)


def test_what_all_questions_share_fails_the_batch(rig: Rig) -> None:
    with pytest.raises(Failure, match="InvalidRequest: top_k must be an integer from 1 to 100"):
        rig.batch("When does the canary sing?", top_k=1_000)


def test_answers_that_fit_in_no_state_come_by_the_bucket(rig: Rig) -> None:
    asked = questions(30, "at length")
    for _ in asked:
        rig.models.say("It sings at noon [1]. " * 600)

    answers = rig.batch(*asked)

    assert [result["answer"]["query"] for result in answers.results] == asked
    assert all(len(result["answer"]["answer"]) > 10_000 for result in answers.results)


def test_a_long_file_goes_through_the_bulk_machine(rig: Rig, tmp_path: Path) -> None:
    asked = questions(150, "of a file")
    lines = [json.dumps({"query": query, "id": f"q-{number}"}) for number, query in enumerate(asked)]
    lines[120] = "\nnot JSON"
    file, output = tmp_path / "questions.jsonl", tmp_path / "results.jsonl"
    file.write_text("\ufeff" + "\n".join(lines), encoding="utf-8")

    told = rig.rag("ask", "--file", str(file), "--output", str(output), "--tenant", TENANT)

    results = [json.loads(line) for line in output.read_text().splitlines()]
    assert told.returncode == 0, told.stderr
    assert "150 questions: 149 answered, 0 refused, 1 failed" in told.stdout
    assert "Line 122 must be" in told.stderr
    assert [result["index"] for result in results] == list(range(150))
    assert [result["answer"]["query"] for result in results if result["status"] == "ok"] == asked[:120] + asked[121:]
    assert [result.get("id") for result in results[:3]] == ["q-0", "q-1", "q-2"]
    assert sorted(len(texts) for texts in rig.embedded()) == [49, 100]


def test_a_short_file_is_told_in_one_document(rig: Rig, tmp_path: Path) -> None:
    file = tmp_path / "questions.txt"
    file.write_text("When does the canary sing?\n\nWhen does the wren sing?\n")

    told = rig.rag("ask", "--file", str(file), "--tenant", TENANT, "--json")

    document = json.loads(told.stdout)
    assert [result["answer"]["query"] for result in document["results"]] == [
        "When does the canary sing?",
        "When does the wren sing?",
    ]
    assert (document["answered"], document["failed"]) == (2, 0)


def test_a_file_of_which_everything_fails_has_failed(rig: Rig, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text("not JSON\n")

    told = rig.rag("ask", "--file", str(file), "--tenant", TENANT)

    assert told.returncode == 1
    assert "Line 1 must be" in told.stderr
