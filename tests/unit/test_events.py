"""The sample events are what the states receive: each passes its contract and its use case."""

import json
from pathlib import Path
from typing import Any

from rag import vectors
from rag.composing import ComposePrompt
from rag.contracts import ComposeRequest, EmbedRequest, GenerateRequest, QueryInput, SearchRequest
from rag.embedding import EmbedQuery
from rag.generating import GenerateResponse
from rag.searching import SearchVectors
from tests.fakes.memory_cache import MemoryCache
from tests.unit.test_embedding import CountingEmbedder
from tests.unit.test_generating import ScriptedChat
from tests.unit.test_searching import FixedResults, found

EVENTS = Path(__file__).parents[2] / "events"
FUNCTIONS = EVENTS.parent / "functions"


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def test_every_function_and_the_machine_have_one() -> None:
    assert {path.stem for path in EVENTS.iterdir()} == {path.parent.name for path in FUNCTIONS.glob("*/app.py")} | {
        "query"
    }


def test_the_query_is_an_input_of_the_machine() -> None:
    assert QueryInput.parse(event("query")).query == event("embed")["request"]["query"]


def test_the_embed_event_is_embedded() -> None:
    request = EmbedRequest.parse(event("embed"))
    response = EmbedQuery(CountingEmbedder(), MemoryCache(), default_top_k=5)(request)
    assert (response.request.query, response.request.top_k) == (request.request.query, 3)


def test_the_search_event_searches() -> None:
    request = SearchRequest.parse(event("search"))
    store = FixedResults(found(0.9))
    response = SearchVectors(store, len(vectors.decode(request.vector)), 0.25)(request)
    assert response.relevant
    assert store.asked[0][1] == 3


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
