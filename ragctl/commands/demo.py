"""`rag demo`: the whole system in one go, on free ports and with data of its own."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from ragctl.failure import Failure

_QUESTIONS = (
    "How long is the guarantee on a Weir gateway?",
    "What is the best pizza place in Naples?",
)


def demo(
    documents: Annotated[Path, typer.Option(help="The documents to load.", exists=True)] = Path("examples/handbook"),
    data: Annotated[Path, typer.Option("--data-dir", help="Where the demo keeps its data and logs.")] = Path(".rag/demo"),
) -> None:
    """Start the local stack, load the sample documents, ask what they answer and what they do not, and end it all."""
    port = _free_port()
    steps = [
        (["up", "--detach", "--data-dir", str(data), "--port", str(port)], "Starting the local stack"),
        (["ingest", str(documents)], f"Loading {documents}"),
        *(([*("ask", question)], f"Asking: {question}") for question in _QUESTIONS),
    ]
    try:
        for arguments, title in steps:
            _run(arguments, title, port)
    finally:
        _run(["down", "--data-dir", str(data)], "Ending the local stack", port)


def _run(arguments: list[str], title: str, port: int) -> None:
    typer.secho(f"\n▶ {title}", bold=True)
    environment = {**os.environ, "RAG_ENDPOINT": f"http://127.0.0.1:{port}"}
    ended = subprocess.run([sys.executable, "-m", "ragctl", *arguments], env=environment, check=False)
    if ended.returncode:
        raise Failure(f"the demo stopped at: rag {' '.join(arguments)}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
