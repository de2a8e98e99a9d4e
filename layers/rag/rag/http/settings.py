"""What each function of the HTTP API reads from its environment, as one small value."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, cast, get_args

from rag.http.callers import Authorization
from rag.variables import Variables

_BYTES_PER_MEGABYTE = 1_000_000


class Settings(ABC):
    """Settings of a function."""

    __slots__ = ()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        return cls._read(Variables(environment))

    @classmethod
    @abstractmethod
    def _read(cls, variables: Variables) -> Self: ...


@dataclass(frozen=True, slots=True)
class CallerSettings:
    """How callers are told apart, and the table of those that bring no claims."""

    authorization: Authorization
    principals_table: str

    @classmethod
    def read(cls, variables: Variables) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing or malformed.
        """
        kind = variables.one_of("API_AUTHORIZATION", get_args(Authorization))
        return cls(cast("Authorization", kind), variables.text("PRINCIPALS_TABLE"))


@dataclass(frozen=True, slots=True)
class AskingSettings(Settings):
    """Settings of the functions that start executions of one state machine."""

    callers: CallerSettings
    state_machine: str
    questions_per_day: int

    @classmethod
    def _read(cls, variables: Variables) -> Self:
        return cls(
            callers=CallerSettings.read(variables),
            state_machine=variables.text("STATE_MACHINE_ARN"),
            questions_per_day=variables.integer("QUESTIONS_PER_DAY", 0),
        )


@dataclass(frozen=True, slots=True)
class DocumentSettings(Settings):
    """Settings of the functions that show documents."""

    callers: CallerSettings
    registry_table: str

    @classmethod
    def _read(cls, variables: Variables) -> Self:
        return cls(callers=CallerSettings.read(variables), registry_table=variables.text("REGISTRY_TABLE"))


@dataclass(frozen=True, slots=True)
class DeletionSettings(Settings):
    """Settings of the function that has documents deleted."""

    documents: DocumentSettings
    ingest_machine: str

    @classmethod
    def _read(cls, variables: Variables) -> Self:
        return cls(DocumentSettings._read(variables), variables.text("STATE_MACHINE_ARN"))


@dataclass(frozen=True, slots=True)
class UploadSettings(Settings):
    """Settings of the function that hands out forms to upload with."""

    documents: DocumentSettings
    bucket: str
    max_document_bytes: int

    @classmethod
    def _read(cls, variables: Variables) -> Self:
        return cls(
            documents=DocumentSettings._read(variables),
            bucket=variables.text("DOCUMENTS_BUCKET"),
            max_document_bytes=variables.integer("MAX_DOCUMENT_MEGABYTES", 1) * _BYTES_PER_MEGABYTE,
        )


@dataclass(frozen=True, slots=True)
class ResultsSettings(Settings):
    """Settings of the function that hands out addresses to fetch results from."""

    callers: CallerSettings
    state_machine: str
    bucket: str

    @classmethod
    def _read(cls, variables: Variables) -> Self:
        return cls(
            callers=CallerSettings.read(variables),
            state_machine=variables.text("STATE_MACHINE_ARN"),
            bucket=variables.text("DOCUMENTS_BUCKET"),
        )


@dataclass(frozen=True, slots=True)
class TokenSettings(Settings):
    """Whose tokens are trusted, and which of their claims make a principal. `cognito`: they are of its form."""

    issuer: str
    audiences: tuple[str, ...]
    tenant_claim: str
    groups_claim: str
    writer_claim: str
    cognito: bool

    @classmethod
    def _read(cls, variables: Variables) -> Self:
        return cls(
            issuer=variables.text("JWT_ISSUER"),
            audiences=tuple(name for name in variables.text("JWT_AUDIENCE").replace(",", " ").split() if name),
            tenant_claim=variables.text("TENANT_CLAIM"),
            groups_claim=variables.text("GROUPS_CLAIM"),
            writer_claim=variables.text("WRITER_CLAIM"),
            cognito=variables.one_of("API_AUTHORIZATION", get_args(Authorization)) == "COGNITO",
        )
