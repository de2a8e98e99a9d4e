"""What each function of the batch machines reads from its environment, as one small value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from rag.search_settings import SearchSettings
from rag.settings import ComposeSettings, EmbedSettings, GenerateSettings
from rag.variables import Variables


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """Where batches are staged, for the functions that need nothing else."""

    bucket: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing.
        """
        return cls(bucket=Variables(environment).text("DOCUMENTS_BUCKET"))


@dataclass(frozen=True, slots=True)
class EmbedBatchSettings:
    """Settings of the function that embeds a batch."""

    bucket: str
    embed: EmbedSettings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        bucket = BucketSettings.from_environment(environment).bucket
        return cls(bucket=bucket, embed=EmbedSettings.from_environment(environment))


@dataclass(frozen=True, slots=True)
class SearchBatchSettings:
    """Settings of the function that searches for a batch. A refusal names the chat model that was not asked."""

    bucket: str
    search: SearchSettings
    chat_model: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        variables = Variables(environment)
        return cls(
            bucket=variables.text("DOCUMENTS_BUCKET"),
            search=SearchSettings.from_environment(environment),
            chat_model=variables.text("CHAT_MODEL"),
        )


@dataclass(frozen=True, slots=True)
class ComposeItemSettings:
    """Settings of the function that writes one question's prompt."""

    bucket: str
    compose: ComposeSettings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        bucket = BucketSettings.from_environment(environment).bucket
        return cls(bucket=bucket, compose=ComposeSettings.from_environment(environment))


@dataclass(frozen=True, slots=True)
class GenerateItemSettings:
    """Settings of the function that has one question answered."""

    bucket: str
    generate: GenerateSettings

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        bucket = BucketSettings.from_environment(environment).bucket
        return cls(bucket=bucket, generate=GenerateSettings.from_environment(environment))
