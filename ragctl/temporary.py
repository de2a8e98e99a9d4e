"""A local stack for the length of one task: on a free port, ended whatever happens."""

import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ragctl.deployment import Deployment
from ragctl.failure import Failure
from ragctl.local.account import STACK_NAME, endpoint
from ragctl.local.services import free_port


@dataclass(frozen=True)
class TemporaryStack:
    """A local stack that is not the one on the default port."""

    endpoint: str

    @property
    def deployment(self) -> Deployment:
        """The way to its services."""
        return Deployment(STACK_NAME, self.endpoint)

    def rag(self, *arguments: str, quiet: bool = False) -> None:
        """Run a command of `rag` against it, its output going where ours goes; `quiet` shows its errors alone.

        Raises:
            Failure: the command failed; it has said why.
        """
        _run(arguments, self.endpoint, quiet)


@contextmanager
def temporary_stack(data: Path, *, quiet: bool = True) -> Iterator[TemporaryStack]:
    """Start a local stack on the data directory, and end it with the block; not `quiet`, it introduces itself.

    Raises:
        Failure: it does not start; it has said why.
    """
    port = free_port()
    stack = TemporaryStack(endpoint(port))
    stack.rag("up", "--detach", "--data-dir", str(data), "--port", str(port), "--api-port", "0", quiet=quiet)
    try:
        yield stack
    finally:
        stack.rag("down", "--data-dir", str(data), quiet=quiet)


def _run(arguments: Sequence[str], address: str, quiet: bool) -> None:
    sys.stdout.flush()
    command = [sys.executable, "-m", "ragctl", *arguments]
    environment = {**os.environ, "RAG_ENDPOINT": address}
    output = subprocess.DEVNULL if quiet else None
    if subprocess.run(command, env=environment, stdout=output, check=False).returncode:
        raise Failure(f"it stopped at: rag {' '.join(arguments)}")
