"""The sample events are what the states receive: each passes its contract and its use case."""

import json
from pathlib import Path
from typing import Any

import pytest

from rag.batches.contracts import (
    BatchInput,
    BulkInput,
    CollectBatchRequest,
    CollectBulkRequest,
    ComposeItemRequest,
    EmbedBatchRequest,
    GenerateItemRequest,
    PlanBatchRequest,
    SearchBatchRequest,
)
from rag.composing import ComposePrompt
from rag.contract import Contract
from rag.contracts import ComposeRequest, EmbedRequest, GenerateRequest, QueryInput, RewriteRequest, SearchRequest
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
from rag.rewriting import RewriteQuestion
from tests.fakes.fixed_results import FixedResults, found
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_pointer import MemoryPointer
from tests.unit.test_embedding import DEPLOYED, CountingEmbedder
from tests.unit.test_generating import ScriptedChat
from tests.unit.test_searching import searching

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
    use_case = EmbedQuery(MemoryPointer(DEPLOYED), lambda _: CountingEmbedder(), MemoryCache(), 5, "hybrid")
    response = use_case(request).response
    assert (response.request.query, response.request.top_k) == (request.request.query, 3)


def test_the_search_event_searches() -> None:
    request = SearchRequest.parse(event("search"))
    held = [found(0.9, tenant=request.request.tenant) for _ in range(9)]
    response = searching(FixedResults(*held, lexical=held))(request).response
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


def test_the_rewrite_event_makes_a_question_and_phrasings() -> None:
    request = RewriteRequest.parse(event("rewrite"))
    chat = ScriptedChat("How many days may I work from outside Europe?\nRemote work outside the European Union")
    rewriting = RewriteQuestion(chat, "extractive", "http://x/v1")(request)
    assert rewriting.question == "How many days may I work from outside Europe?"
    assert len(rewriting.phrasings) == 1


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
    assert event(name)["target"] == event("search")["embedding"]["target"]


@pytest.mark.parametrize(
    ("name", "contract"),
    [
        ("embed_batch", EmbedBatchRequest),
        ("search_batch", SearchBatchRequest),
        ("compose_item", ComposeItemRequest),
        ("generate_item", GenerateItemRequest),
        ("collect_batch", CollectBatchRequest),
        ("plan_batch", PlanBatchRequest),
        ("collect_bulk", CollectBulkRequest),
    ],
)
def test_the_events_of_batches_fit_their_contracts(name: str, contract: type[Contract]) -> None:
    assert contract.parse(event(name))


def test_the_first_events_of_batches_are_inputs_of_their_machines() -> None:
    assert BatchInput.parse(event("batch"))
    assert BulkInput.parse(event("batch_bulk"))
    assert event("embed_batch")["request"] == event("batch")
    assert event("plan_batch")["request"] == event("batch_bulk")


def test_the_ingest_event_is_one_of_s3_about_a_document() -> None:
    detail = event("ingest")["detail"]
    change = parse_change(event("ingest"), detail["bucket"]["name"])
    assert isinstance(change, Stored)
    assert (change.key.tenant, change.key.path) == ("default", "remote-work-policy.md")
    assert event("read_document")["input"] == event("ingest")


def test_the_plan_event_is_an_input_of_the_bulk_machine() -> None:
    assert event("plan_ingest")["input"] == event("ingest_bulk")
