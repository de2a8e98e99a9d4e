"""Programs that the local stack runs beside itself, and that end with it even when it is killed."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Event
from time import monotonic
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import ragctl
from ragctl.local.account import HOST
from ragctl.local.exit_reason import exit_reason

_START_SECONDS = 60.0
_STOP_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class ServiceError(Exception):
    """A service did not start, or ended: told in one line."""


class Service:
    """A Python module that serves on a port of its own, started when made."""

    def __init__(self, name: str, module: str, arguments: list[str], port: int, log: Path) -> None:
        self.name = name
        self.port = port
        self._log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                **bound_to_this_process(module, arguments), stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def url(self) -> str:
        """Return the address that it listens on."""
        return f"http://{HOST}:{self.port}"

    def await_readiness(self, answers: Callable[[int], bool]) -> None:
        """Return when `answers(port)` does.

        Raises:
            ServiceError: it ended, or does not answer.
        """
        deadline = monotonic() + _START_SECONDS
        pause = Event()
        while not answers(self.port):
            self.check()
            if monotonic() > deadline:
                raise ServiceError(f"{self.name} does not answer after {_START_SECONDS:.0f} s. See {self._log}")
            pause.wait(_LOOK_SECONDS)

    def check(self) -> None:
        """Raise ServiceError if it has ended."""
        if self._process.poll() is not None:
            raise ServiceError(f"{self.name} ended ({exit_reason(self._process.returncode)}). See {self._log}")

    def stop(self) -> None:
        """End it, with grace at first, and wait until it is gone."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def bound_to_this_process(module: str, arguments: list[str]) -> dict[str, Any]:
    """Return Popen's arguments for a Python module that ends when this process does, even by kill -9.

    To be called in a thread that lasts as long: Linux takes its end for the process's.
    """
    return {
        "args": [sys.executable, "-m", "ragctl.local.service_process", str(os.getpid()), module, *arguments],
        "env": {**os.environ, "PYTHONPATH": str(Path(ragctl.__file__).parent.parent), "PYTHONUNBUFFERED": "1"},
        "stdin": subprocess.DEVNULL,
        "start_new_session": True,  # Ctrl-C reaches this process alone
    }


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def listens(port: int) -> bool:
    """Return whether somebody does."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def is_healthy(port: int) -> bool:
    """Return whether GET /health answers 200."""
    try:
        with urlopen(f"http://{HOST}:{port}/health", timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
