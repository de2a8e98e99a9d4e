"""What retrieval is tuned to, per embedding model: the versioned table `tuning.json`, which `rag eval` measures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from rag.contract import ModeName
from rag.errors import InvalidRequest
from rag.relevance import RelevanceRule

FusionName = Literal["convex", "reciprocal_rank"]

_ANY_MODEL: Final = "*"


@dataclass(frozen=True, slots=True)
class Tuning:
    """How two legs become one ranking, how deep each is read, and what counts as relevant in each mode.

    `depth` counts the chunks of each leg that are fused, `prune_depth` those that pruned mode keeps.
    """

    fusion: FusionName
    lexical_weight: float
    depth: int
    prune_depth: int
    relevance: Mapping[ModeName, RelevanceRule]


@dataclass(frozen=True, slots=True)
class Overrides:
    """What a deployment sets itself; None leaves it to the table."""

    fusion: FusionName | None = None
    lexical_weight: float | None = None
    depth: int | None = None
    prune_depth: int | None = None
    relevance: Mapping[ModeName, RelevanceRule] | None = None

    def tuning_of(self, model: str) -> Tuning:
        """Return the table's numbers for an embedding model, as overridden."""
        known = tuning_of(model)
        return Tuning(
            fusion=known.fusion if self.fusion is None else self.fusion,
            lexical_weight=known.lexical_weight if self.lexical_weight is None else self.lexical_weight,
            depth=known.depth if self.depth is None else self.depth,
            prune_depth=known.prune_depth if self.prune_depth is None else self.prune_depth,
            relevance={**known.relevance, **(self.relevance or {})},
        )


def tuning_of(model: str) -> Tuning:
    """Return the numbers for an embedding model, whoever serves it; one that is not in the table has those of `*`."""
    return _table().get(model.rpartition("/")[2].casefold()) or _table()[_ANY_MODEL]


def rules_of(text: str) -> dict[ModeName, RelevanceRule]:
    """Return the rules that a parameter holds: one for all modes, or `MODE: RULE` for some, between semicolons.

    Raises:
        InvalidRequest: it is malformed.
    """
    if ":" not in text:
        return dict.fromkeys(get_args(ModeName), RelevanceRule.parse(text))
    rules: dict[ModeName, RelevanceRule] = {}
    for part in text.split(";"):
        mode, _, rule = part.partition(":")
        if mode.strip() not in get_args(ModeName):
            raise InvalidRequest("A relevance rule names a mode: hybrid, dense, lexical or pruned.")
        rules[cast("ModeName", mode.strip())] = RelevanceRule.parse(rule)
    return rules


@cache
def _table() -> dict[str, Tuning]:
    models = json.loads(Path(__file__).with_name("tuning.json").read_text(encoding="utf-8"))["models"]
    return {model: _tuning({**models[_ANY_MODEL], **numbers}) for model, numbers in models.items()}


def _tuning(numbers: dict[str, Any]) -> Tuning:
    rules = {mode: RelevanceRule.parse(rule) for mode, rule in numbers["relevance"].items()}
    return Tuning(**{**numbers, "relevance": rules})
