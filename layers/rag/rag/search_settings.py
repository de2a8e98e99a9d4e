"""What the search function reads from its environment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self, cast, get_args

from rag.errors import InternalError, InvalidRequest
from rag.settings import IndexSettings, RerankSettings
from rag.tuning import FusionName, Overrides, rules_of
from rag.variables import Variables

_DEEPEST: Final = 500  # chunks of a leg, as in the template


def tuning_overrides(variables: Variables) -> Overrides:
    """Return what a deployment sets itself of retrieval's tuning.

    Raises:
        InternalError: a variable is malformed.
    """
    fusion, rules = variables.optional("FUSION"), variables.optional("RELEVANCE_RULE")
    try:
        relevance = rules_of(rules) if rules else None
    except InvalidRequest as error:
        raise InternalError(f"The environment variable RELEVANCE_RULE is malformed. {error}") from None
    return Overrides(
        fusion=cast("FusionName", variables.one_of("FUSION", get_args(FusionName))) if fusion else None,
        lexical_weight=variables.number("LEXICAL_WEIGHT", 0, 1) if variables.optional("LEXICAL_WEIGHT") else None,
        depth=variables.integer("FUSION_DEPTH", 1, _DEEPEST) if variables.optional("FUSION_DEPTH") else None,
        prune_depth=variables.integer("PRUNE_DEPTH", 1, _DEEPEST) if variables.optional("PRUNE_DEPTH") else None,
        relevance=relevance,
    )


@dataclass(frozen=True, slots=True)
class PassageSettings:
    """What becomes of candidates: how much being different counts, and up to how many tokens neighbours are joined.

    `drop_suspicious` says whether passages that address the model are left out or only flagged.
    """

    diversity: float
    merged_tokens: int
    drop_suspicious: bool

    @classmethod
    def read(cls, variables: Variables) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        return cls(
            diversity=variables.number("DIVERSITY", 0, 1),
            merged_tokens=variables.integer("MERGED_PASSAGE_TOKENS"),
            drop_suspicious=variables.one_of("SUSPICIOUS_PASSAGES", ("flag", "drop")) == "drop",
        )


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Settings of the search function."""

    index: IndexSettings
    registry_table: str
    tuning: Overrides
    passages: PassageSettings
    rerank: RerankSettings | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        variables = Variables(environment)
        return cls(
            index=IndexSettings.read(variables),
            registry_table=variables.text("REGISTRY_TABLE"),
            tuning=tuning_overrides(variables),
            passages=PassageSettings.read(variables),
            rerank=RerankSettings.read(variables),
        )
