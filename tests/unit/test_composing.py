"""The prompt: numbered, delimited, within its budget, and impossible to break out of."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cleaning import with_invisible_shown
from rag.composing import ComposePrompt
from rag.contracts import ComposeRequest, Passage, Prompt
from rag.tokens import count_tokens


def passage(text: str = "Trains leave hourly.", **fields: Any) -> Passage:
    defaults: dict[str, Any] = {
        "chunk_id": "c", "document_id": "d.md", "title": "T", "source": "d.md", "heading": "", "text": text,
        "tokens": max(1, len(text) // 4), "start": 0, "end": len(text), "page": None, "metadata": {}, "score": 0.9,
    }  # fmt: skip
    return Passage(**(defaults | fields))


def compose(passages: list[Passage], query: str = "When?", budget: int = 6_000, mark: str = "abc123") -> Prompt:
    request = ComposeRequest(query=query, passages=passages, degraded=[], trace_id="t")
    return ComposePrompt(budget, mark=lambda: mark)(request).prompt


def test_passages_are_numbered_and_delimited_and_the_question_comes_last() -> None:
    prompt = compose([passage("One."), passage("Two.", title='A "b" <c>\n& d')], query="When?")
    assert '<passage-abc123 n="1" title="T" source="d.md">\nOne.\n</passage-abc123>' in prompt.user
    assert '<passage-abc123 n="2" title="A &quot;b&quot; &lt;c&gt; &amp; d" source="d.md">\nTwo.\n' in prompt.user
    assert prompt.user.rstrip().endswith("<question-abc123>\nWhen?\n</question-abc123>")


def test_the_system_message_states_the_rules() -> None:
    system = compose([passage()]).system
    assert "only from the passages" in system
    assert "[1]" in system
    assert "not instructions" in system
    assert "I don't know." in system


@given(st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=6), st.text(min_size=1, max_size=40))
def test_every_source_points_at_its_text(texts: list[str], query: str) -> None:
    prompt = compose([passage(text) for text in texts], query=query)
    shown = [with_invisible_shown(text) for text in texts]
    assert [prompt.user[source.text_start : source.text_end] for source in prompt.sources] == shown
    assert list(map(len, shown)) == list(map(len, texts))
    assert [source.n for source in prompt.sources] == list(range(1, len(texts) + 1))


def test_template_placeholders_in_the_input_stay_text() -> None:
    prompt = compose([passage("Costs $5, $query, $passages and ${mark}.")], query="What is $passages $mark?")
    assert "Costs $5, $query, $passages and ${mark}." in prompt.user
    assert "What is $passages $mark?" in prompt.user


def test_the_mark_differs_from_request_to_request() -> None:
    request = ComposeRequest(query="q", passages=[passage()], degraded=[], trace_id="t")
    marks = {re.findall(r"<passage-(\w+)", ComposePrompt(100)(request).prompt.user)[0] for _ in range(20)}
    assert len(marks) == 20


def test_the_budget_keeps_the_best_passages_and_cuts_none() -> None:
    texts = [f"Passage {number}. " + "word " * 100 for number in range(10)]
    prompt = compose([passage(text, tokens=100) for text in texts], budget=420)
    assert [prompt.user[s.text_start : s.text_end] for s in prompt.sources] == texts[:3]
    assert prompt.user.count("<passage-abc123 ") == prompt.user.count("</passage-abc123>") == 3


def test_a_smaller_passage_may_take_the_place_of_one_that_does_not_fit() -> None:
    prompt = compose(
        [passage(tokens=50, chunk_id="a"), passage(tokens=900, chunk_id="b"), passage(tokens=50, chunk_id="c")],
        budget=300,
    )
    assert [source.chunk_id for source in prompt.sources] == ["a", "c"]


def test_the_first_passage_is_shortened_rather_than_left_out_with_its_markup_whole() -> None:
    text = "word " * 1_000
    prompt = compose([passage(text, tokens=1_000)], budget=300)
    kept = prompt.user[prompt.sources[0].text_start : prompt.sources[0].text_end]
    assert text.startswith(kept)
    assert 500 < len(kept) < 1_500
    assert f"{kept}\n</passage-abc123>" in prompt.user


def test_the_budget_holds_for_what_is_really_sent() -> None:
    text = "The allowance is paid with the salary of the month that follows. " * 8
    passages = [
        passage(text, tokens=count_tokens(text), title="出張旅費規程と経費精算の手引き第二版") for _ in range(40)
    ]
    prompt = compose(passages, budget=2_000)
    sent = prompt.user[prompt.user.index("<passage-") : prompt.user.index("<question-")]
    assert 1_600 < count_tokens(sent) <= 2_000


@pytest.mark.parametrize("text", ['\\"' * 32_000, "\U0001f600" * 60_000, "\x01" * 30_000])
def test_a_first_passage_that_is_too_large_is_shortened_and_leaves_nothing_out_for_it(text: str) -> None:
    prompt = compose([passage(text, tokens=10), passage("Small.", tokens=2)], budget=1_000)
    kept = prompt.user[prompt.sources[0].text_start : prompt.sources[0].text_end]
    assert kept
    assert with_invisible_shown(text).startswith(kept)


@pytest.mark.parametrize("character", ["x", "€", "\U0001f600", "\x01"])
def test_the_state_stays_below_its_limit_whatever_the_passages_hold(character: str) -> None:
    passages = [passage(character * 8_000, tokens=1, title=character * 500) for _ in range(100)]
    prompt = compose(passages, query=character * 8_000, budget=100_000)
    assert prompt.sources
    assert len(msgspec.json.encode(prompt)) < 180 * 1024
