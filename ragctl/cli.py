"""The command `rag`. Each subcommand is a function of a module in ragctl/commands/."""

import os
from typing import Annotated, Final, NoReturn

import typer

from ragctl.commands import (
    ask,
    demo,
    doctor,
    documents,
    evaluate,
    index,
    ingest,
    invoke,
    principals,
    reindex,
    stack,
    token,
)
from ragctl.failure import Failure

_DISTRIBUTION: Final = "serverless-rag"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"rag {version(_DISTRIBUTION)}")
        raise typer.Exit


@app.callback()
def rag(
    version: Annotated[
        bool, typer.Option("--version", callback=_tell_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Retrieval-augmented generation as an AWS serverless application: run it here, load it, ask it."""


for command in (stack.up, stack.down, stack.status, ingest.ingest, ask.ask, invoke.invoke, demo.demo):
    app.command()(command)
app.command()(doctor.doctor)
app.command()(reindex.reindex)
app.command()(token.token)
app.command("eval")(evaluate.evaluate)
app.add_typer(documents.app, name="documents")
app.add_typer(index.app, name="index")
app.add_typer(principals.app, name="principals")


def main() -> None:
    """Run the command line; a failure is one line on standard error and exit status 1."""
    _bypass_proxies()
    try:
        app()
    except Failure as failure:
        _fail(str(failure))
    except ImportError as error:
        _fail(
            f"The Python package {error.name} is missing or broken. Every target of the Makefile installs it: make demo"
        )
    except Exception as error:
        if not _is_from_aws(error):
            raise
        _fail(f"AWS, or the local stack in its place, cannot be used: {error}")


def _bypass_proxies() -> None:
    """Keep requests to this machine on this machine, whatever proxy the environment names."""
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), "127.0.0.1,localhost"]))


def _is_from_aws(error: Exception) -> bool:
    """Return whether boto3 raised it, without importing boto3 for commands that do not."""
    return any(kind.__module__.startswith("botocore.") for kind in type(error).__mro__)


def _fail(reason: str) -> NoReturn:
    typer.echo(f"rag: {reason}", err=True)
    raise SystemExit(1) from None
