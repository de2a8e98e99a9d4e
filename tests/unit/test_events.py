"""The sample events are what the states receive: each passes its contract and its use case."""

import json
from pathlib import Path
from typing import Any

import pytest

from rag.composing import ComposePrompt
from rag.contract import Contract
from rag.contracts import ComposeRequest, EmbedRequest, GenerateRequest, QueryInput, SearchRequest
from rag.embedding import EmbedQuery
from rag.generating import GenerateResponse
from rag.ingestion.changes import Stored, parse_change
from rag.ingestion.contracts import (
    BatchRequest,
    FailRequest,
    FinishRequest,
    PlanRequest,
    ReadRequest,
    WorkRequest,
)
from rag.searching import SearchVectors
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_pointer import MemoryPointer
from tests.unit.test_embedding import DEPLOYED, CountingEmbedder
from tests.unit.test_generating import ScriptedChat
from tests.unit.test_searching import FixedResults, Live, found

EVENTS = Path(__file__).parents[2] / "events"
FUNCTIONS = EVENTS.parent / "functions"
MACHINES = EVENTS.parent / "statemachine"


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def test_every_function_and_every_machine_has_one() -> None:
    functions = {path.parent.name for path in FUNCTIONS.glob("*/app.py")}
    machines = {path.name.removesuffix(".asl.json") for path in MACHINES.glob("*.asl.json")}
    assert {path.stem for path in EVENTS.iterdir()} == functions | machines


def test_the_query_is_an_input_of_the_machine() -> None:
    assert QueryInput.parse(event("query")).query == event("embed")["request"]["query"]


def test_the_embed_event_is_embedded() -> None:
    request = EmbedRequest.parse(event("embed"))
    use_case = EmbedQuery(MemoryPointer(DEPLOYED), lambda _: CountingEmbedder(), MemoryCache(), default_top_k=5)
    response = use_case(request)
    assert (response.request.query, response.request.top_k) == (request.request.query, 3)


def test_the_search_event_searches() -> None:
    request = SearchRequest.parse(event("search"))
    response = SearchVectors(lambda _: FixedResults(*[found(0.9)] * 9), Live(), 0.25)(request).response
    assert response.relevant
    assert len(response.passages) == 3


def test_the_compose_event_makes_a_prompt_of_all_its_passages() -> None:
    request = ComposeRequest.parse(event("compose"))
    prompt = ComposePrompt(6_000)(request).prompt
    assert [prompt.user[s.text_start : s.text_end] for s in prompt.sources] == [p.text for p in request.passages]


def test_the_generate_event_makes_a_cited_answer() -> None:
    request = GenerateRequest.parse(event("generate"))
    answer = GenerateResponse(ScriptedChat("At most 20 working days [1]."), "extractive", "http://x/v1")(request).answer
    assert answer.answered
    assert answer.citations[0].document_id == request.prompt.sources[0].document_id
    assert answer.citations[0].quote in request.prompt.user


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("read_document", ReadRequest),
        ("chunk_document", WorkRequest),
        ("copy_chunks", WorkRequest),
        ("embed_chunks", BatchRequest),
        ("index_chunks", BatchRequest),
        ("publish_version", WorkRequest),
        ("regroup_chunks", WorkRequest),
        ("reap_versions", WorkRequest),
        ("fail_document", FailRequest),
        ("plan_ingest", PlanRequest),
        ("finish_ingest", FinishRequest),
    ],
)
def test_the_events_of_ingestion_fit_their_contracts(name: str, contract: type[Contract]) -> None:
    assert contract.parse(event(name))


@pytest.mark.parametrize("name", ["embed_chunks", "index_chunks"])
def test_the_events_of_a_batch_name_the_collection_that_the_sample_query_searches(name: str) -> None:
    assert event(name)["target"] == event("search")["target"]


def test_the_ingest_event_is_one_of_s3_about_a_document() -> None:
    detail = event("ingest")["detail"]
    change = parse_change(event("ingest"), detail["bucket"]["name"])
    assert isinstance(change, Stored)
    assert (change.key.tenant, change.key.path) == ("default", "remote-work-policy.md")
    assert event("read_document")["input"] == event("ingest")


def test_the_plan_event_is_an_input_of_the_bulk_machine() -> None:
    assert event("plan_ingest")["input"] == event("ingest_bulk")
