"""What the functions of the batch machines read from their environment, beside what those of the query path do."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from rag.variables import Variables


@dataclass(frozen=True, slots=True)
class BucketSettings:
    """Where batches are staged."""

    bucket: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises:
            InternalError: a variable is missing.
        """
        return cls(bucket=Variables(environment).text("DOCUMENTS_BUCKET"))
