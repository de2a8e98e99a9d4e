"""A real Milvus Lite server, as `milvus-lite server` starts it, in a process that ends with the tests."""

import socket
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

# The command, beside a thread that ends the process when standard input closes: that happens however the tests end.
_COMMAND = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
from milvus_lite.cmdline import main
main(sys.argv[1:])
"""
_START_SECONDS = 60


class MilvusLite:
    """One server on a free port of the loopback interface, its data in one directory."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """Start the server and wait until it listens."""
        arguments = ["server", "--host", "127.0.0.1", "--port", str(self._port), "--data-dir", str(self._data_dir)]
        with (self._data_dir.parent / f"{self._data_dir.name}.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _COMMAND, *arguments], stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        give_up = time.monotonic() + _START_SECONDS
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > give_up:
                self.kill()
                raise AssertionError(f"Milvus Lite did not start; see the log beside {self._data_dir}.")
            time.sleep(0.05)

    def kill(self) -> None:
        """End the server with no chance to tidy up."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
