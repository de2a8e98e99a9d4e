"""What each function of the query path reads from its environment, as one small value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, cast

from rag.errors import InternalError
from rag.index_pointer import IndexTarget


class Variables:
    """Environment variables, read by type; a missing or malformed one is an error that names it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    def text(self, name: str) -> str:
        """Return a variable that must be there and not blank."""
        value = self._environment.get(name, "").strip()
        if not value:
            raise InternalError(f"The environment variable {name} is missing.")
        return value

    def optional(self, name: str) -> str | None:
        """Return a variable, or None where it is missing or blank."""
        return self._environment.get(name, "").strip() or None

    def integer(self, name: str) -> int:
        """Return a variable that must be an integer."""
        return int(self.number(name))

    def number(self, name: str) -> float:
        """Return a variable that must be a number."""
        try:
            return float(self.text(name))
        except ValueError:
            raise InternalError(f"The environment variable {name} is not a number.") from None

    def flag(self, name: str) -> bool:
        """Return a variable that must be true or false."""
        value = self.text(name)
        if value not in ("true", "false"):
            raise InternalError(f"The environment variable {name} must be true or false.")
        return value == "true"


@dataclass(frozen=True, slots=True)
class EmbedderSettings:
    """Where vectors come from: an endpoint, and the secret with its key."""

    openai_secret: str
    base_url: str

    @classmethod
    def read(cls, variables: Variables) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing.
        """
        return cls(openai_secret=variables.text("OPENAI_SECRET"), base_url=variables.text("EMBEDDING_BASE_URL"))


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """The table of embeddings that were made before, and how long each stays there."""

    table: str
    ttl_days: int

    @classmethod
    def read(cls, variables: Variables) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        return cls(table=variables.text("CACHE_TABLE"), ttl_days=variables.integer("CACHE_TTL_DAYS"))


@dataclass(frozen=True, slots=True)
class RegistrySettings:
    """The registry's table, and the collection that was deployed: the live one until a pointer names another."""

    table: str
    deployed: IndexTarget

    @classmethod
    def read(cls, variables: Variables) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        return cls(
            table=variables.text("REGISTRY_TABLE"),
            deployed=IndexTarget(
                model=variables.text("EMBEDDING_MODEL"), dimensions=variables.integer("EMBEDDING_DIMENSIONS")
            ),
        )


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Where the vectors live; `address` is the deployed Pinecone index's host or the Milvus URI."""

    vector_store: Literal["pinecone", "milvus"]
    address: str
    secret: str

    @classmethod
    def read(cls, variables: Variables) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        store = variables.text("VECTOR_STORE")
        if store not in ("pinecone", "milvus"):
            raise InternalError("The environment variable VECTOR_STORE must be pinecone or milvus.")
        return cls(
            vector_store=cast("Literal['pinecone', 'milvus']", store),
            address=variables.text("PINECONE_HOST" if store == "pinecone" else "MILVUS_URI"),
            secret=variables.text("PINECONE_SECRET" if store == "pinecone" else "MILVUS_SECRET"),
        )


@dataclass(frozen=True, slots=True)
class EmbedSettings:
    """Settings of the embed function."""

    embedder: EmbedderSettings
    cache: CacheSettings
    registry: RegistrySettings
    default_top_k: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        variables = Variables(environment)
        return cls(
            embedder=EmbedderSettings.read(variables),
            cache=CacheSettings.read(variables),
            registry=RegistrySettings.read(variables),
            default_top_k=variables.integer("DEFAULT_TOP_K"),
        )


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """Settings of the search function."""

    index: IndexSettings
    registry_table: str
    relevance_threshold: float

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
            relevance_threshold=variables.number("RELEVANCE_THRESHOLD"),
        )


@dataclass(frozen=True, slots=True)
class ComposeSettings:
    """Settings of the compose function."""

    token_budget: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        return cls(token_budget=Variables(environment).integer("PROMPT_TOKEN_BUDGET"))


@dataclass(frozen=True, slots=True)
class GenerateSettings:
    """Settings of the generate function. What is None is not sent, since some models refuse it."""

    openai_secret: str
    base_url: str
    model: str
    temperature: float | None
    reasoning_effort: str | None
    max_completion_tokens: int | None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        variables = Variables(environment)
        return cls(
            openai_secret=variables.text("OPENAI_SECRET"),
            base_url=variables.text("CHAT_BASE_URL"),
            model=variables.text("CHAT_MODEL"),
            temperature=variables.number("CHAT_TEMPERATURE") if variables.optional("CHAT_TEMPERATURE") else None,
            reasoning_effort=variables.optional("CHAT_REASONING_EFFORT"),
            max_completion_tokens=(
                variables.integer("MAX_COMPLETION_TOKENS") if variables.optional("MAX_COMPLETION_TOKENS") else None
            ),
        )
