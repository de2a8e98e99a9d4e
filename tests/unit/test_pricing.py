"""Prices come from the table, or not at all."""

import pytest

from rag.pricing import cost_usd, total_usd

OPENAI = "https://api.openai.com/v1"


def test_a_known_model_is_priced_per_million_tokens() -> None:
    assert cost_usd("text-embedding-3-small", OPENAI, 1_000_000) == pytest.approx(0.02)
    assert cost_usd("gpt-6-luna", OPENAI, 2_000, 1_000) == pytest.approx(0.0007)


@pytest.mark.parametrize(
    ("model", "url"),
    [("unheard-of", OPENAI), ("gpt-6-luna", "https://other.example/v1"), ("gpt-6-luna", "not a url")],
)
def test_what_the_table_does_not_know_has_no_price(model: str, url: str) -> None:
    assert cost_usd(model, url, 1_000) is None


def test_local_models_cost_nothing_anywhere() -> None:
    assert cost_usd("extractive", "http://127.0.0.1:9/v1", 10, 10) == 0


def test_an_embedding_model_writes_no_tokens() -> None:
    assert cost_usd("text-embedding-3-small", OPENAI, 10, 10) is None


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    assert total_usd(0.1, 0.2) == pytest.approx(0.3)
    assert total_usd(0.1, None) is None
