"""`rag demo`: the whole system in one go, on a free port and with data of its own."""

from pathlib import Path
from typing import Annotated, Final

import typer

QUESTIONS: Final = (
    "How many days a year can I work from abroad?",
    "Can I bring my dog to the office?",
)


def demo(
    documents: Annotated[Path, typer.Option(help="The documents to load.", exists=True)] = Path("examples/handbook"),
    data: Annotated[Path, typer.Option("--data-dir", help="Where the demo keeps its data and logs.")] = Path(
        ".rag/demo"
    ),
) -> None:
    """Start the local stack, load the sample documents, ask what they answer and what they do not, and end it all."""
    from ragctl.temporary import temporary_stack

    _title("Starting the local stack")
    with temporary_stack(data, quiet=False) as stack:
        _title(f"Loading {documents}")
        stack.rag("ingest", str(documents))
        for question in QUESTIONS:
            _title(question)
            stack.rag("ask", question)
        _title("Ending the local stack")


def _title(text: str) -> None:
    typer.secho(f"\n▶ {text}", bold=True)
