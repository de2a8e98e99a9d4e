"""What a call costs, from the versioned table `prices.json`. Whatever is not in the table has no price."""

import json
from functools import cache
from pathlib import Path
from typing import TypedDict
from urllib.parse import urlsplit


class _Price(TypedDict, total=False):
    host: str | None  # where this price holds: another provider may serve a model of the same name
    input: float
    output: float


def cost_usd(model: str, base_url: str, input_tokens: int, output_tokens: int = 0) -> float | None:
    """Return the price in US dollars of so many tokens, or None where the table does not know the model."""
    price = _prices().get(model)
    if price is None or price["host"] not in (None, urlsplit(base_url).hostname):
        return None
    if "output" not in price and output_tokens:
        return None
    return (input_tokens * price["input"] + output_tokens * price.get("output", 0.0)) / 1_000_000


def total_usd(*costs: float | None) -> float | None:
    """Return the sum, or None where a part is unknown."""
    known = [cost for cost in costs if cost is not None]
    return sum(known) if len(known) == len(costs) else None


@cache
def _prices() -> dict[str, _Price]:
    table = json.loads(Path(__file__).with_name("prices.json").read_text(encoding="utf-8"))
    models: dict[str, _Price] = table["models"]
    return models
