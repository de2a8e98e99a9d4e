"""The command `rag`. Each subcommand is a function of a module in ragctl/commands/."""

import typer

from ragctl.commands import ask, demo, evaluate, index, ingest, invoke, stack
from ragctl.failure import Failure

app = typer.Typer(
    help="Retrieval-augmented generation as an AWS serverless application: run it here, load it, ask it.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
)

for command in (stack.up, stack.down, stack.status, ingest.ingest, ask.ask, invoke.invoke, demo.demo):
    app.command()(command)
app.command("eval")(evaluate.evaluate)
app.add_typer(index.app, name="index")


def main() -> None:
    """Run the command line; a failure is one line on standard error and exit status 1."""
    try:
        app()
    except Failure as failure:
        typer.echo(f"rag: {failure}", err=True)
        raise SystemExit(1) from None
