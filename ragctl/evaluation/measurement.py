"""What was measured, query by query, as it is kept for a later comparison."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgspec

from ragctl.failure import Failure

_DIGITS: Final = 6  # as saved: what is measured is rounded alike, or equal runs would differ

ANSWERS: Final = "answers"  # beside the modes

PerQuery = Mapping[str, float]
Values = Mapping[str, Mapping[str, PerQuery]]  # mode (or "answers") to metric to query id to value


@dataclass(frozen=True)
class Measurement:
    """Values of each query, by mode and metric; higher is better."""

    dataset: str
    values: Values

    @classmethod
    def rounded(cls, dataset: str, values: Values) -> Self:
        """Return the values with as many digits as are saved."""
        return cls(
            dataset,
            {
                mode: {
                    metric: {query: round(value, _DIGITS) for query, value in per_query.items()}
                    for metric, per_query in metrics.items()
                }
                for mode, metrics in values.items()
            },
        )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return what was saved.

        Raises:
            Failure: the file is missing, or not what --save writes.
        """
        try:
            saved = msgspec.json.decode(path.read_bytes(), type=_Saved)
        except OSError as error:
            raise Failure(f"{path} cannot be read: {error.strerror}. Write it with --save {path}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Failure(f"{path} is not what --save writes: {error}") from error
        return cls(saved.dataset, saved.values)

    def save(self, path: Path) -> None:
        """Write it.

        Raises:
            Failure: that is not possible.
        """
        try:
            path.write_text(self._as_text(), encoding="utf-8")
        except OSError as error:
            raise Failure(f"{path} cannot be written: {error.strerror}.") from error

    def only(self, modes: set[str]) -> Self:
        """Return the measurement of these modes alone."""
        return type(self)(self.dataset, {mode: found for mode, found in self.values.items() if mode in modes})

    def _as_text(self) -> str:
        """Return JSON with a line for each metric of each mode, so that a version control's differences can be read."""
        modes = ",\n".join(
            f"  {json.dumps(mode)}: {{\n"
            + ",\n".join(f"   {json.dumps(metric)}: {json.dumps(found)}" for metric, found in metrics.items())
            + "\n  }"
            for mode, metrics in self.values.items()
        )
        return f'{{\n "dataset": {json.dumps(self.dataset)},\n "values": {{\n{modes}\n }}\n}}\n'


class _Saved(msgspec.Struct, frozen=True):
    dataset: str
    values: dict[str, dict[str, dict[str, float]]]
