"""What a person reads of an answer."""

from typing import Any

from ragctl.asking import StateTime
from ragctl.rendering import answer_lines, time_line


def output(**fields: Any) -> dict[str, Any]:
    citation = {"n": 1, "title": "Travel", "source": "travel.md", "page": None, "quote": "Up to\n  180 EUR."}
    return {
        "answer": "180 EUR [1].", "answered": True, "reason": None, "citations": [citation], "model": "m",
        "degraded": [], "rewritten_query": None,
        "usage": {"embedding_tokens": 1, "prompt_tokens": 2, "completion_tokens": 3, "cost_usd": 0.0},
        "cached_embedding": False, **fields,
    }  # fmt: skip


def text(**fields: Any) -> str:
    return "\n".join(answer_lines(output(**fields)))


def test_an_answer_shows_its_citations_and_its_bill() -> None:
    assert text().split("\n") == [
        "180 EUR [1].", "", "  [1] Travel (travel.md)", '      "Up to 180 EUR."', "", "m, 6 tokens, $0.000000",
    ]  # fmt: skip


def test_a_question_that_was_rewritten_is_shown() -> None:
    assert text(rewritten_query="What may a hotel cost?").startswith("Asked as: What may a hotel cost?\n\n180 EUR [1].")


def test_a_refusal_says_why() -> None:
    assert "not answered (model_declined), m" in text(answered=False, reason="model_declined", citations=[])


def test_an_unknown_price_is_called_unknown() -> None:
    usage = {"embedding_tokens": 1, "prompt_tokens": 2, "completion_tokens": 3, "cost_usd": None}
    assert "unknown cost" in text(usage=usage)


def test_a_document_cannot_steer_the_terminal() -> None:
    shown = text(answer="\x1b[31mred\x07 \u202egnikcab")
    assert "\x1b" not in shown
    assert "\x07" not in shown
    assert "\u202e" not in shown


def test_times_are_shown_per_state() -> None:
    states = [StateTime("EmbedQuery", 0.0123), StateTime("SearchVectors", 0.02)]
    assert time_line(0.05, states) == "50 ms: EmbedQuery 12 ms, SearchVectors 20 ms"
