"""A section of samconfig.toml, read before anything is built for it."""

import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ragctl.failure import Failure

_PLACEHOLDER: Final = "REPLACE-WITH"


@dataclass(frozen=True)
class Configuration:
    """The name of a stack, whose parameters are filled in."""

    stack: str

    @classmethod
    def read(cls, file: Path, section: str) -> "Configuration":
        """Return what a section says.

        Raises:
            Failure: there is no such section, or a parameter of it waits for its value.
        """
        sections = tomllib.loads(file.read_text(encoding="utf-8"))
        deploying = sections.get(section, {}).get("deploy", {}).get("parameters")
        if deploying is None:
            known = ", ".join(name for name, one in sections.items() if isinstance(one, dict) and "deploy" in one)
            raise Failure(f"{file} has no section {section}. It has: {known}.")
        parameters = dict(pair.partition("=")[::2] for pair in shlex.split(deploying.get("parameter_overrides", "")))
        waiting = [name for name, value in parameters.items() if value.startswith(_PLACEHOLDER)]
        if waiting:
            raise Failure(
                f"{waiting[0]} in section {section} of {file} is a placeholder. "
                "Make the index with 'rag index create' and put the host there that it prints."
            )
        return cls(deploying["stack_name"])
