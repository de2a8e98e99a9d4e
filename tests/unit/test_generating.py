"""From what a model wrote to an answer: citations, broken markers, refusals, truncation, cost."""

from typing import Any

import pytest

from rag.contracts import GenerateRequest, Spent
from rag.generating import Generated, GenerateResponse
from rag.models import Completion
from tests.unit.test_composing import compose, passage

HOTELS = "Hotels cost up to 180 euros a night. Breakfast is paid apart. Book early."
TRAINS = "Trains are second class. First class needs approval by Dr. Weber."


class ScriptedChat:
    """A chat model that says what it was told to."""

    def __init__(self, text: str, finish_reason: str = "stop") -> None:
        self._completion = Completion(text, "extractive", 120, 30, finish_reason)

    def complete(self, system: str, user: str) -> Completion:
        return self._completion


def generate(text: str, finish_reason: str = "stop", model: str = "extractive", **fields: Any) -> Generated:
    prompt = compose([passage(HOTELS, start=100, document_id="hotels.md"), passage(TRAINS, document_id="trains.md")])
    spent = Spent(embedding_tokens=7, prompt_tokens=40, completion_tokens=9, cost_usd=0.5, cached_embedding=True)
    given: dict[str, Any] = {
        "query": "q",
        "rewritten_query": None,
        "prompt": prompt,
        "spent": spent,
        "degraded": [],
        "trace_id": "t-1",
    }
    request = GenerateRequest(**(given | fields))
    return GenerateResponse(ScriptedChat(text, finish_reason), model, "http://127.0.0.1/v1")(request)


def test_a_cited_answer_quotes_its_passage_at_its_place_in_the_document() -> None:
    answer = generate("Rooms may cost up to 180 euros a night [1].").answer
    assert (answer.answered, answer.reason) == (True, None)
    (citation,) = answer.citations
    assert citation.document_id == "hotels.md"
    assert citation.quote == "Hotels cost up to 180 euros a night."
    assert (citation.start, citation.end) == (100, 100 + len(citation.quote))


def test_a_literal_quote_is_found_where_it_stands() -> None:
    answer = generate("First class needs approval by Dr. Weber. [2]").answer
    assert answer.citations[0].quote == "First class needs approval by Dr. Weber."
    assert answer.citations[0].start == TRAINS.index("First")


@pytest.mark.parametrize(
    ("text", "numbers", "removed", "left"),
    [
        ("A [1]. B [2].", [1, 2], 0, "A [1]. B [2]."),
        ("A [2][1].", [2, 1], 0, "A [2][1]."),
        ("A [1, 2].", [1, 2], 0, "A [1][2]."),
        ("A【1】.", [1], 0, "A [1]."),
        ("A [1] and [1].", [1], 0, "A [1] and [1]."),
        ("A [1][9].", [1], 1, "A [1]."),
        ("A [1, 7, 8].", [1], 2, "A [1]."),
        ("A [9]. B [2].", [2], 1, "A. B [2]."),
        ("A [0] B [1].", [1], 1, "A B [1]."),
        ("A [1234] B [1].", [1], 1, "A B [1]."),
        ("A [1-2].", [1, 2], 0, "A [1][2]."),
        ("A [1–3].", [1, 2], 1, "A [1][2]."),
        ("A [1-999999].", [1, 2], 18, "A [1][2]."),
        ("A [1 and 2].", [1, 2], 0, "A [1][2]."),
        ("A [1†source].", [1], 0, "A [1]."),
        ("A 【1†L3-L5】.", [1], 0, "A [1]."),
        ("A [^1].", [1], 0, "A [1]."),
        ("A [passage 1].", [1], 0, "A [1]."),
        ("A [Source: 1, Source: 2].", [1, 2], 0, "A [1][2]."),
        ("A \uff3b1\uff3d.", [1], 0, "A [1]."),
        ("A ([1]).", [1], 0, "A ([1])."),
        ("A [1] [2].", [1, 2], 0, "A [1][2]."),
        ("A [1]\n[2] B", [1, 2], 0, "A [1]\n[2] B"),
        ("Read items[0] and items[1] [2].", [2], 0, "Read items[0] and items[1] [2]."),
        ("Rooms cost 180 euros[1].", [1], 0, "Rooms cost 180 euros [1]."),
        ("Closed on [2024-05-01] [1].", [1], 0, "Closed on [2024-05-01] [1]."),
        ("A [[9]1] [2].", [2], 1, "A [ 1] [2]."),
    ],
)
def test_markers(text: str, numbers: list[int], removed: int, left: str) -> None:
    generated = generate(text)
    assert [citation.n for citation in generated.answer.citations] == numbers
    assert generated.removed_markers == removed
    assert generated.answer.answer == left


@pytest.mark.parametrize("text", ["Rooms cost 180 euros.", "Rooms cost 180 euros [7].", "See note [2024]."])
def test_an_answer_without_a_valid_citation_is_not_given(text: str) -> None:
    answer = generate(text).answer
    assert (answer.answered, answer.reason, answer.citations) == (False, "no_valid_citation", [])
    assert "180" not in answer.answer


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "I don’t know",
        "I do not know.",
        "**I don't know.**",
        "I don't know. The passages are about hotels [1].",
        "The passages do not contain information about visas.",
        "The provided documents don't mention a visa [1].",
        "Sorry, but I cannot find the answer in the passages.",
        "I'm unable to answer this question based on the given context.",
        "There is no information about visas in the documents.",
        "Based on the passages, this is not mentioned in the handbook.",
        "Not found.",
        "There is nothing about that in the passages.",
        "There is nothing about that in the passages [1].",
        "There is no information about visas in the provided documents [1].",
        "The retrieved passages do not mention visas [1]. They are about hotels [1].",
        "I cannot answer this question [1].",
        "Sorry, but these excerpts say nothing about visas [2].",
    ],
)
def test_a_refusal_is_recognised(text: str) -> None:
    answer = generate(text).answer
    assert (answer.answered, answer.reason, answer.citations) == (False, "model_declined", [])
    assert answer.answer.startswith("I don't know")


@pytest.mark.parametrize(
    "text",
    [
        "Guests do not need to pay for water [1].",
        "The text of the contract does not bind contractors. They sign their own [1]. It lists fees [2].",
        "Employees who cannot travel tell their manager [2].",
        "We cannot provide refunds after 30 days [1].",
        "Customer information is not available to contractors [1].",
        "No, the warranty document does not cover water damage [1].",
        "You need no documents for a refund [1].",
        "There is no information desk; ask the People team [1].",
        "Nothing may be shared in the context of marketing [1].",
        "The passages do not mention breakfast, but hotels cost up to 180 euros a night [1].",
        "The passages do not mention breakfast [1], but hotels cost up to 180 euros a night [1].",
    ],
)
def test_an_answer_that_only_sounds_like_a_refusal_is_given(text: str) -> None:
    assert generate(text).answer.answered


def test_a_filtered_answer_counts_as_declined() -> None:
    assert generate("Something [1].", "content_filter").answer.reason == "model_declined"


def test_a_truncated_answer_says_so() -> None:
    assert generate("Rooms cost 180 euros [1] and", "length", degraded=["rerank"]).answer.degraded == [
        "rerank",
        "truncated",
    ]


def test_usage_adds_up_and_the_cost_with_it() -> None:
    usage = generate("A [1].").answer.usage
    assert (usage.embedding_tokens, usage.prompt_tokens, usage.completion_tokens) == (7, 160, 39)
    assert usage.cost_usd == 0.5


def test_a_model_without_a_price_costs_null() -> None:
    assert generate("A [1].", model="mystery").answer.usage.cost_usd is None
