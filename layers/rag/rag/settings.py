"""What each function of the query path reads from its environment, as one small value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, cast, get_args

from rag.contract import ModeName
from rag.index_pointer import IndexTarget
from rag.variables import Variables


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


StoreName = Literal["pinecone", "milvus"]
PineconeIndexKind = Literal["document", "vector"]


@dataclass(frozen=True, slots=True)
class IndexSettings:
    """Where the vectors live; `address` is the deployed Pinecone index's host or the Milvus URI."""

    vector_store: StoreName
    address: str
    secret: str
    pinecone_index_kind: PineconeIndexKind = "document"

    @classmethod
    def read(cls, variables: Variables) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        store = cast("StoreName", variables.one_of("VECTOR_STORE", get_args(StoreName)))
        if store == "milvus":
            return cls(store, variables.text("MILVUS_URI"), variables.text("MILVUS_SECRET"))
        kind = variables.one_of("PINECONE_INDEX_KIND", get_args(PineconeIndexKind))
        return cls(
            store,
            variables.text("PINECONE_HOST"),
            variables.text("PINECONE_SECRET"),
            cast("PineconeIndexKind", kind),
        )


RerankerName = Literal["pinecone", "cohere", "tei", "bedrock"]


@dataclass(frozen=True, slots=True)
class RerankSettings:
    """Which model judges the best `depth` candidates once more, where it is, and the time that it has.

    `secret` names the secret with its key, which Bedrock has no use for; `base_url` is empty but for endpoints.
    """

    kind: RerankerName
    model: str
    base_url: str
    secret: str
    depth: int
    seconds: float

    @classmethod
    def read(cls, variables: Variables) -> Self | None:
        """Read the settings; None where nothing reranks.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        if variables.optional("RERANKER") in {None, "none"}:
            return None
        kind = cast("RerankerName", variables.one_of("RERANKER", get_args(RerankerName)))
        return cls(
            kind=kind,
            model=variables.text("RERANK_MODEL"),
            base_url=variables.text("RERANK_BASE_URL") if kind in ("cohere", "tei") else "",
            secret=variables.text("PINECONE_SECRET" if kind == "pinecone" else "RERANK_SECRET"),
            depth=variables.integer("RERANK_DEPTH", 1, 100),
            seconds=variables.number("RERANK_SECONDS", 0.1, 3),  # of the search function's 14
        )


@dataclass(frozen=True, slots=True)
class EmbedSettings:
    """Settings of the embed function."""

    embedder: EmbedderSettings
    cache: CacheSettings
    registry: RegistrySettings
    default_top_k: int
    default_mode: ModeName

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
            default_mode=cast("ModeName", variables.one_of("DEFAULT_MODE", get_args(ModeName))),
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
