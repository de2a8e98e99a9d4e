"""A section of samconfig.toml, read before anything is built for it."""

import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ragctl.failure import Failure

LONGEST_NAME: Final = 28  # beyond it a function's name, 64 characters of stack, function and chance, is cut
_PLACEHOLDER: Final = "REPLACE-WITH"


def check_name(stack: str) -> None:
    """Refuse a stack's name that its functions' names cannot begin with, as policies and the trail say they do.

    Raises:
        Failure: it is too long.
    """
    if len(stack) > LONGEST_NAME:
        raise Failure(
            f"The stack's name {stack} has {len(stack)} characters; at most {LONGEST_NAME} are left whole in the names "
            "of its functions, by which a role and the trail know them. Choose a shorter one."
        )


@dataclass(frozen=True)
class Configuration:
    """The name of a stack, whose parameters are filled in, and the region and profile of AWS where it names them."""

    stack: str
    region: str | None = None
    profile: str | None = None

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
        return cls(deploying["stack_name"], deploying.get("region"), deploying.get("profile"))

    def check_account(self) -> None:
        """Refuse to go on where AWS could not be asked for anything; nothing is sent to it.

        Raises:
            Failure: there is no region, or there are no credentials, or no such profile.
        """
        import boto3
        from botocore.exceptions import BotoCoreError

        try:
            session = boto3.Session(profile_name=self.profile, region_name=self.region)
            credentials = session.get_credentials()
        except BotoCoreError as error:
            raise Failure(f"AWS credentials cannot be read: {error}") from error
        if session.region_name is None:
            raise Failure("No AWS region is set. Set AWS_DEFAULT_REGION to the one to deploy to.")
        if credentials is None:
            raise Failure("No AWS credentials are set. Sign in, or set AWS_PROFILE.")
