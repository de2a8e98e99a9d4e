"""Environment variables, read by type."""

import math
from collections.abc import Collection, Mapping

from rag.errors import InternalError


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

    def integer(self, name: str, least: float = -math.inf, most: float = math.inf) -> int:
        """Return a variable that must be an integer within these bounds."""
        number = self.number(name, least, most)
        if not number.is_integer():
            raise InternalError(f"The environment variable {name} is not an integer.")
        return int(number)

    def number(self, name: str, least: float = -math.inf, most: float = math.inf) -> float:
        """Return a variable that must be a finite number within these bounds."""
        try:
            number = float(self.text(name))
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise InternalError(f"The environment variable {name} is not a number.")
        if not least <= number <= most:
            raise InternalError(f"The environment variable {name} must be from {least:g} to {most:g}.")
        return number

    def one_of(self, name: str, names: Collection[str]) -> str:
        """Return a variable that must be one of these."""
        value = self.text(name)
        if value not in names:
            raise InternalError(f"The environment variable {name} must be one of {', '.join(names)}.")
        return value

    def flag(self, name: str) -> bool:
        """Return a variable that must be true or false."""
        value = self.text(name)
        if value not in ("true", "false"):
            raise InternalError(f"The environment variable {name} must be true or false.")
        return value == "true"
