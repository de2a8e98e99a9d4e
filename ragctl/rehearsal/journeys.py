"""A question and an ingestion through what was created: on the local stack, by the commands that a user has."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Final

from ragctl.local.account import ACCOUNT_ID, CREDENTIAL, endpoint
from ragctl.local.services import free_port

DOCUMENT: Final = Path("examples/handbook/remote-work-policy.md")
QUESTION: Final = "How many days a year can I work from abroad?"

_COMMAND_SECONDS: Final = 180.0


class JourneyError(Exception):
    """A command failed, or its answer cites nothing: told in one line."""


@dataclass(frozen=True)
class Journey:
    """Parameters that a stack really runs with here, under a name."""

    name: str
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def authorization(self) -> str:
        """Return whom the API lets in: by tokens of the local stack's own issuer, unless told otherwise."""
        return self.parameters.get("ApiAuthorization", "JWT")


JOURNEYS: Final = tuple(
    Journey(f"milvus, {authorization}", {"VectorStore": "milvus", "ApiAuthorization": authorization})
    for authorization in ("IAM", "JWT", "API_KEY")
)


@dataclass(frozen=True)
class Arrival:
    """What a journey came to: documents citable, by the state machine and over HTTP."""

    name: str
    documents: int
    cited_by_machine: int
    cited_over_http: int
    seconds: float

    def as_object(self) -> dict[str, Any]:
        """Return it ready to be written as JSON."""
        return asdict(self) | {"seconds": round(self.seconds, 1)}


def travel(journey: Journey, template: Path) -> Arrival:
    """Start the stack, ingest a document, ask for what it says, by the state machine and over HTTP; end the stack.

    Raises:
        JourneyError: a step fails.
    """
    began = monotonic()
    with TemporaryDirectory(prefix="rehearsal-") as data, _stack(journey, template, Path(data)) as rag:
        loaded = rag("ingest", str(DOCUMENT), "--json")
        documents = sum(loaded.get(state, 0) for state in ("ready", "unchanged"))
        cited = _citations(rag("ask", QUESTION, "--json"))
        over_http = _citations(rag("ask", QUESTION, "--api", "--json", **_credentials(journey, rag)))
    return Arrival(journey.name, documents, cited, over_http, monotonic() - began)


class _Rag:
    """The command `rag`, talking to one local stack."""

    def __init__(self, address: str) -> None:
        self._address = address

    def __call__(self, *arguments: str, **environment: str) -> dict[str, Any]:
        printed = self.run(*arguments, **environment)
        answer: dict[str, Any] = json.loads(printed)
        return answer

    def run(self, *arguments: str, **environment: str) -> str:
        """Return what a command prints.

        Raises:
            JourneyError: it fails.
        """
        try:
            ended = subprocess.run(
                [sys.executable, "-m", "ragctl", *arguments],
                env={**os.environ, "RAG_ENDPOINT": self._address, **environment},
                capture_output=True,
                text=True,
                check=False,
                timeout=_COMMAND_SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise JourneyError(f"rag {arguments[0]} did not end in {_COMMAND_SECONDS:.0f} s") from error
        if ended.returncode:
            raise JourneyError(f"rag {' '.join(arguments)}: {' '.join(ended.stderr.split())[-500:]}")
        return ended.stdout


@contextmanager
def _stack(journey: Journey, template: Path, data: Path) -> Iterator[_Rag]:
    port = free_port()
    rag = _Rag(endpoint(port))
    where = ["--data-dir", str(data), "--port", str(port), "--api-port", "0", "--template", str(template)]
    chosen = [f"--parameter={name}={value}" for name, value in journey.parameters.items()]
    rag.run("up", "--detach", *where, *chosen)
    try:
        yield rag
    finally:
        rag.run("down", "--data-dir", str(data))


def _credentials(journey: Journey, rag: _Rag) -> dict[str, str]:
    """Make the asker known to the API; return what `rag ask` signs or shows then."""
    match journey.authorization:
        case "IAM":
            caller = f"arn:aws:iam::{ACCOUNT_ID}:user/{CREDENTIAL}"
            rag.run("principals", "set", caller, "--tenant", "default")
            return {"AWS_ACCESS_KEY_ID": CREDENTIAL, "AWS_SECRET_ACCESS_KEY": CREDENTIAL}
        case "API_KEY":
            return {"RAG_API_KEY": rag.run("principals", "add-key", "rehearsal", "--tenant", "default").strip()}
    return {}


def _citations(answer: Mapping[str, Any]) -> int:
    citations = len(answer.get("citations", []))
    if not citations:
        raise JourneyError(f"the answer cites nothing: {answer.get('reason')}")
    return citations
