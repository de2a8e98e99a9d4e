"""Running the local stack in the background: a session of its own that first tells the terminal how it starts."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ragctl


def start_detached(arguments: list[str], tell: Callable[[str], None]) -> int:
    """Start `rag` with these arguments, pass on what it says until it lets go; return 0, or its exit status."""
    root = str(Path(ragctl.__file__).parent.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    process = subprocess.Popen(
        [sys.executable, "-m", "ragctl", *arguments],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # it outlives the terminal
        text=True,
    )
    assert process.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
    try:
        for line in process.stdout:  # ends when the process does, or lets go
            said = line.rstrip("\n")
            if said == _READY:
                process.returncode = 0  # it runs on, and is nobody's child to wait for
                return 0
            try:
                tell(said)
            except BrokenPipeError:  # nobody reads any more, as behind `| head`; that is no reason to end the stack
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return process.wait() or 1
    except BaseException:  # Ctrl-C: what has not let go yet must not run on
        process.terminate()
        process.wait()
        raise


_READY = "ready"


def let_go(log: Path) -> None:
    """Tell the terminal that all is well, and speak to the log from now on."""
    print(_READY, flush=True)
    with log.open("ab") as file:
        os.dup2(file.fileno(), sys.stdout.fileno())
        os.dup2(file.fileno(), sys.stderr.fileno())
