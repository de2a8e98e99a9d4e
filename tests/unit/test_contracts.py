"""What the embed state accepts, and what it says of what it refuses."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.contract import to_state
from rag.contracts import Embedding, EmbedRequest, EmbedResponse, QueryRequest, RewriteRequest, SearchRequest, Spent
from rag.errors import InvalidRequest
from rag.index_pointer import IndexTarget

SECRET = "zebra-canary"


def normalised(request: Any) -> QueryRequest:
    return EmbedRequest.parse({"request": request, "trace_id": "t-1"}).normalised(5, "hybrid")


def complaint(request: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        normalised(request)
    return str(caught.value)


@pytest.mark.parametrize("condition", [{"f": {"$in": ["x" * 500] * 100}}, {"f": {"$near": 1}}])
def test_a_filter_is_judged_before_a_rewriting_is_paid_for(condition: dict[str, Any]) -> None:
    """A state that held both would be more than an execution may hold."""
    request = RewriteRequest.parse({"request": {"query": "x", "filter": condition}, "trace_id": "t-1"}).request
    with pytest.raises(InvalidRequest, match="filter"):
        request.composed_query()


def test_a_principal_takes_the_place_of_what_the_request_says() -> None:
    request = {"query": "x", "tenant": "globex", "groups": ["board", "staff"]}
    asked = EmbedRequest.parse(
        {"request": request, "principal": {"tenant": "acme", "groups": ["staff", "guests", "staff"]}, "trace_id": "t-1"}
    ).normalised(5, "hybrid")
    assert (asked.tenant, asked.groups) == ("acme", ["guests", "staff"])


@pytest.mark.parametrize(
    "principal", [{}, {"tenant": "acme"}, {"groups": []}, {"tenant": "A", "groups": []}, [], "acme"]
)
def test_what_makes_no_whole_principal_is_none(principal: Any) -> None:
    with pytest.raises(InvalidRequest):
        EmbedRequest.parse({"request": {"query": "x"}, "principal": principal, "trace_id": "t-1"})


def test_the_least_request_gets_every_default() -> None:
    assert normalised({"query": "  What?  "}) == QueryRequest(
        query="What?", rewritten_query=None, question="What?", phrasings=[], top_k=5, tenant="default", groups=[],
        filter=None, mode="hybrid",
    )  # fmt: skip


def test_a_full_request_is_kept() -> None:
    request = {"query": "q", "top_k": 100, "tenant": "acme-2", "groups": ["b", "a", "a"], "filter": {"year": 2024}}
    found = normalised({**request, "mode": "dense"})
    assert (found.top_k, found.tenant, found.groups, found.filter) == (100, "acme-2", ["a", "b"], {"year": 2024})
    assert found.mode == "dense"


@pytest.mark.parametrize("mode", ["hybrid", "dense", "lexical", "pruned"])
def test_every_mode_is_taken(mode: str) -> None:
    assert normalised({"query": "q", "mode": mode}).mode == mode


def test_a_rewritten_question_is_what_is_searched_for() -> None:
    rewriting = {
        "question": "What is the A1?", "phrasings": ["A1 certificate"], "prompt_tokens": 1, "completion_tokens": 1,
        "cost_usd": None,
    }  # fmt: skip
    request = EmbedRequest.parse({"request": {"query": "And that?"}, "rewriting": rewriting, "trace_id": "t"})
    found = request.normalised(5, "hybrid")
    assert (found.query, found.question, found.rewritten_query) == ("And that?", "What is the A1?", "What is the A1?")
    assert found.phrasings == ["A1 certificate"]


def test_text_is_composed() -> None:
    assert normalised({"query": "cafe\u0301"}).query == "café"


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": " \n\t"}, "query"),
        ({"query": 7}, "query"),
        ({"query": None}, "query"),
        ({"query": ["a"]}, "query"),
        ({"query": SECRET + "x" * 8_000}, "query"),
        ({"query": SECRET + "\ud800"}, "query"),
        ({"query": "q", "top_k": 0}, "top_k"),
        ({"query": "q", "top_k": 101}, "top_k"),
        ({"query": "q", "top_k": 2**70}, "top_k"),
        ({"query": "q", "top_k": 5.0}, "top_k"),
        ({"query": "q", "top_k": True}, "top_k"),
        ({"query": "q", "top_k": SECRET}, "top_k"),
        ({"query": "q", "top_k": None}, "top_k"),
        ({"query": "q", "tenant": SECRET.upper()}, "tenant"),
        ({"query": "q", "tenant": "a\n"}, "tenant"),
        ({"query": "q", "tenant": ""}, "tenant"),
        ({"query": "q", "tenant": "a" * 64}, "tenant"),
        ({"query": "q", "groups": [SECRET + "!"]}, "groups"),
        ({"query": "q", "groups": "staff"}, "groups"),
        ({"query": "q", "groups": ["a"] * 65}, "groups"),
        ({"query": "q", "groups": ["*"]}, "groups"),
        ({"query": "q", "groups": ["-"]}, "groups"),
        ({"query": "q", "mode": SECRET}, "mode"),
        ({"query": "q", "mode": None}, "mode"),
        ({"query": "q", "phrasings": 0}, "phrasings"),
        ({"query": "q", "phrasings": 5}, "phrasings"),
        ({"query": "q", "phrasings": [SECRET]}, "phrasings"),
        ({"query": "q", "filter": []}, "filter"),
        ({"query": "q", "filter": {}}, "filter"),
        ({"query": "q", "filter": {SECRET + "$": 1}}, "filter"),
        ({"query": "q", "filter": {"a": {"$" + SECRET: 1}}}, "filter"),
        ({"query": "q", "filter": {"a": {"$gt": SECRET}}}, "filter"),
        ({"query": "q", "filter": {"a": SECRET + "\ud800"}}, "filter"),
        ({"query": "q", "filter": {"$or": [{"a": [SECRET]}]}}, "filter"),
        ({"query": "q", "history": SECRET}, "history"),
        ({"query": "q", "history": [{"role": SECRET, "content": "q"}]}, "history"),
        ({"query": "q", "history": [{"role": "user", "content": ""}]}, "history"),
        ({"query": "q", "history": [{"role": "user"}]}, "history"),
        ({"query": "q", "history": [{"role": "user", "content": "q"}] * 21}, "history"),
    ],
)
def test_a_bad_field_is_named_and_its_value_is_not(request_: dict[str, Any], field: str) -> None:
    message = complaint(request_)
    assert message.startswith(field)
    assert SECRET not in message.lower()


@pytest.mark.parametrize("request_", [{"query": "q", SECRET: 1}, {"query": "q", "topK": 3}])
def test_an_unknown_field_is_called_just_that(request_: dict[str, Any]) -> None:
    assert complaint(request_) == "An unknown field was given."


@pytest.mark.parametrize("request_", [None, [], "text", 3, True, [{"query": SECRET}]])
def test_input_that_is_no_object_is_refused(request_: Any) -> None:
    assert complaint(request_) == "The input must be an object with a query."


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_whatever_arrives_is_normalised_or_refused(value: Any) -> None:
    for request in (value, {"query": "q", "filter": value}):
        with suppress(InvalidRequest):
            normalised(request)


def test_a_state_refuses_what_is_not_of_its_contract() -> None:
    with pytest.raises(InvalidRequest, match=r"^An unknown field was given\.$"):
        SearchRequest.parse({"request": {"query": "q", "extra": SECRET}, "embedding": {}, "trace_id": "t"})


def test_the_collection_to_search_is_what_the_embed_state_returned() -> None:
    request = normalised({"query": "q"})
    target = IndexTarget(model="m", dimensions=2, host="https://index.example")
    embedding = Embedding(vectors=[""], target=target)
    spent = Spent(embedding_tokens=1, prompt_tokens=0, completion_tokens=0, cost_usd=None, cached_embedding=False)
    returned = to_state(EmbedResponse(request=request, embedding=embedding, spent=spent, degraded=["rewrite"]))

    passed_on = {name: returned[name] for name in ("request", "embedding", "degraded")}
    searched = SearchRequest.parse({**passed_on, "trace_id": "t"})

    assert (searched.request, searched.embedding, searched.degraded) == (request, embedding, ["rewrite"])
