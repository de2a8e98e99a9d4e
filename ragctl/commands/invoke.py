"""`rag invoke`: one function with one event, without Docker."""

import json
from pathlib import Path
from typing import Annotated

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure


def invoke(
    function: Annotated[str, typer.Argument(help="A function of the template, such as EmbedFunction.")],
    event: Annotated[Path, typer.Option("--event", "-e", help="A JSON file with the event; - reads standard input.")],
    stack: Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")] = None,
) -> None:
    """Invoke one function and print its result as JSON."""
    payload = _read(event)
    deployment = Deployment.find(stack)
    name = deployment.function_name(function)
    answer = deployment.client("lambda", read_timeout=900).invoke(FunctionName=name, Payload=payload)
    typer.echo(json.dumps(json.loads(answer["Payload"].read() or b"null"), indent=2, ensure_ascii=False))
    if "FunctionError" in answer:
        raise typer.Exit(1)


def _read(event: Path) -> bytes:
    try:
        payload = typer.get_binary_stream("stdin").read() if str(event) == "-" else event.read_bytes()
        json.loads(payload)
    except OSError as error:
        raise Failure(f"{event} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise Failure(f"{event} is not valid JSON: {error}") from error
    return payload
