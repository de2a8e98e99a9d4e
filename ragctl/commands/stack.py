"""`rag up`, `rag down`, `rag status`: the local stack."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ragctl.deployment import DEFAULT_DATA_DIRECTORY
from ragctl.failure import Failure
from ragctl.local.account import DEFAULT_API_PORT, DEFAULT_PORT
from ragctl.local.embedders import EmbedderName

DataDirectory = Annotated[Path, typer.Option("--data-dir", help="Where the local stack keeps its data and logs.")]


def up(
    data: DataDirectory = DEFAULT_DATA_DIRECTORY,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the AWS endpoint; 0 finds one.")] = DEFAULT_PORT,
    api_port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port of the HTTP API; 0 finds one.")
    ] = DEFAULT_API_PORT,
    detach: Annotated[bool, typer.Option("--detach", help="Return when it is ready, and leave it running.")] = False,
    template: Annotated[Path, typer.Option(help="The SAM template.")] = Path("template.yaml"),
    embedder: Annotated[
        EmbedderName | None,
        typer.Option(help="The local model to embed with.", show_default="that of the documents, or wordllama"),
    ] = None,
    embedding_base_url: Annotated[str | None, typer.Option(help="An OpenAI-compatible endpoint to embed with.")] = None,
    chat_base_url: Annotated[str | None, typer.Option(help="An OpenAI-compatible endpoint to answer with.")] = None,
    chat_model: Annotated[str | None, typer.Option(help="The model to answer with.")] = None,
    parameter: Annotated[
        list[str] | None, typer.Option(help="Key=Value for any parameter of the template; repeatable.")
    ] = None,
    announce: Annotated[bool, typer.Option("--announce", hidden=True)] = False,
) -> None:
    """Start the local stack: the template's functions and state machines, with local models and vectors."""
    named = {"EmbeddingBaseUrl": embedding_base_url, "ChatBaseUrl": chat_base_url, "ChatModel": chat_model}
    overrides = {name: value for name, value in named.items() if value} | dict(map(_assignment, parameter or []))
    if embedder and (also := {"EmbeddingBaseUrl", "EmbeddingModel", "EmbeddingDimensions"} & overrides.keys()):
        raise typer.BadParameter(f"goes without {min(also)}", param_hint="--embedder")
    if detach:
        from ragctl.local.detachment import start_detached

        assignments = [f"--parameter={name}={value}" for name, value in overrides.items()]
        where = ["--data-dir", str(data), "--port", str(port), "--api-port", str(api_port)]
        where += ["--template", str(template)]
        chosen = ["--embedder", embedder] if embedder else []
        raise typer.Exit(start_detached(["up", "--announce", *where, *chosen, *assignments], _pass_on))

    from ragctl.local.announcement import announcement
    from ragctl.local.detachment import let_go
    from ragctl.local.embedding_choice import searched_model
    from ragctl.local.presence import Presence
    from ragctl.local.supervisor import CannotStartError, Options, run

    options = Options(template, data, port, api_port, overrides, embedder)

    def ready(told: Presence) -> None:
        for line in announcement(told, options.logs, searched_model(data)):
            typer.echo(line)
        if announce:
            let_go(options.logs / "stack.log")
        else:
            typer.echo("Ctrl-C ends it.")

    try:
        run(options, typer.echo, ready)
    except CannotStartError as error:
        raise Failure(str(error)) from error


def down(data: DataDirectory = DEFAULT_DATA_DIRECTORY) -> None:
    """End the local stack. What was loaded stays on disk."""
    from ragctl.local.presence import stop

    typer.echo(f"The local stack has ended. Its data stays in {data}." if stop(data) else "No local stack is running.")


def status(
    data: DataDirectory = DEFAULT_DATA_DIRECTORY,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tell whether the local stack is running, and what it consists of."""
    from dataclasses import asdict

    from ragctl.local.announcement import announcement
    from ragctl.local.embedding_choice import searched_model
    from ragctl.local.presence import find

    told = find(data)
    embedding = searched_model(data) if told and told.ready else None
    if as_json:
        document = {"running": told is not None, **(asdict(told) if told else {})}
        if embedding:
            document["embedding"] = {"model": embedding[0], "dimensions": embedding[1]}
        typer.echo(json.dumps(document, indent=2))
    elif told is None:
        typer.echo(f"No local stack is running on {data}. Start one with: rag up --detach")
    elif not told.ready:
        typer.echo(f"The local stack is starting (process {told.pid}).")
    else:
        for line in announcement(told, data / "logs", embedding):
            typer.echo(line)


def _pass_on(line: str) -> None:
    """Print what the stack in the background says: failures, as all commands do, on standard error."""
    typer.echo(line, err=line.startswith("rag:"))


def _assignment(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text!r} is not Key=Value", param_hint="--parameter")
    return name, value
