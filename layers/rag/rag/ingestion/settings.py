"""What each function of ingestion reads from its environment, as one small value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from rag.settings import CacheSettings, EmbedderSettings, IndexSettings, RegistrySettings
from rag.variables import Variables

_BYTES_PER_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class ReadingSettings:
    """What the read state goes by; sizes of chunks are in tokens."""

    bucket: str
    chunk_size: int
    chunk_overlap: int
    max_document_bytes: int
    require_sidecar: bool


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """Settings of the read function."""

    registry: RegistrySettings
    reading: ReadingSettings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        variables = Variables(environment)
        return cls(
            registry=RegistrySettings.read(variables),
            reading=ReadingSettings(
                bucket=variables.text("DOCUMENTS_BUCKET"),
                chunk_size=variables.integer("CHUNK_SIZE"),
                chunk_overlap=variables.integer("CHUNK_OVERLAP"),
                max_document_bytes=variables.integer("MAX_DOCUMENT_MEGABYTES") * _BYTES_PER_MEGABYTE,
                require_sidecar=variables.flag("REQUIRE_SIDECAR"),
            ),
        )


@dataclass(frozen=True, slots=True)
class ChunkSettings:
    """Settings of the chunk function; sizes are in tokens."""

    registry: RegistrySettings
    bucket: str
    chunk_size: int
    chunk_overlap: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        variables = Variables(environment)
        return cls(
            registry=RegistrySettings.read(variables),
            bucket=variables.text("DOCUMENTS_BUCKET"),
            chunk_size=variables.integer("CHUNK_SIZE"),
            chunk_overlap=variables.integer("CHUNK_OVERLAP"),
        )


@dataclass(frozen=True, slots=True)
class VectorSettings:
    """Settings of the function that embeds chunks."""

    bucket: str
    embedder: EmbedderSettings
    cache: CacheSettings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        variables = Variables(environment)
        return cls(
            bucket=variables.text("DOCUMENTS_BUCKET"),
            embedder=EmbedderSettings.read(variables),
            cache=CacheSettings.read(variables),
        )


@dataclass(frozen=True, slots=True)
class IndexingSettings:
    """Settings of the functions that work on the registry, the index and what is staged."""

    registry: RegistrySettings
    bucket: str
    index: IndexSettings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        variables = Variables(environment)
        return cls(
            registry=RegistrySettings.read(variables),
            bucket=variables.text("DOCUMENTS_BUCKET"),
            index=IndexSettings.read(variables),
        )


@dataclass(frozen=True, slots=True)
class ForgettingSettings:
    """Settings of the functions that reap versions, and forget cached vectors as well."""

    indexing: IndexingSettings
    cache: CacheSettings
    embedder: EmbedderSettings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        variables = Variables(environment)
        return cls(
            indexing=IndexingSettings.from_environment(environment),
            cache=CacheSettings.read(variables),
            embedder=EmbedderSettings.read(variables),
        )


@dataclass(frozen=True, slots=True)
class PlanSettings:
    """Settings of the plan function."""

    registry_table: str
    bucket: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing.
        """
        variables = Variables(environment)
        return cls(registry_table=variables.text("REGISTRY_TABLE"), bucket=variables.text("DOCUMENTS_BUCKET"))
