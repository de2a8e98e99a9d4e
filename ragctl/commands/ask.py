"""`rag ask`: a question through the state machine."""

import json
from typing import Annotated, Any

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure


def ask(
    question: Annotated[str, typer.Argument(help="The question, at most 8,000 characters.")],
    tenant: Annotated[str | None, typer.Option(help="Whose documents to search.", show_default="default")] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="A group of the asker; repeatable. It opens that group's documents.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Passages to retrieve, 1 to 100.", show_default="10")] = None,
    condition: Annotated[
        str | None,
        typer.Option("--filter", metavar="JSON", help='A condition on metadata, such as {"year": {"$gte": 2024}}.'),
    ] = None,
    mode: Annotated[str | None, typer.Option(help="How to search; so far: dense.", show_default="dense")] = None,
    stack: Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the state machine's output as it is.")] = False,
) -> None:
    """Ask a question and print the answer with its citations, or an honest "I don't know"."""
    from ragctl.asking import Asker, QueryFailedError
    from ragctl.rendering import answer_lines, time_line

    given: dict[str, Any] = {"tenant": tenant, "groups": group or None, "top_k": top_k, "mode": mode}
    request = {"query": question, **{name: value for name, value in given.items() if value is not None}}
    if condition is not None:
        request["filter"] = _parsed(condition)
    asker = Asker(Deployment.find(stack))
    try:
        asked = asker.ask(request)
    except QueryFailedError as error:
        raise Failure(str(error)) from error
    if as_json:
        typer.echo(json.dumps(asked.output, ensure_ascii=False))
        return
    for line in answer_lines(asked.output):
        typer.echo(line)
    typer.echo(time_line(asked.seconds, asker.state_times(asked.execution)))


def _parsed(condition: str) -> Any:
    try:
        return json.loads(condition, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise typer.BadParameter("is not valid JSON", param_hint="--filter") from None


def _refused(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are Python's, not JSON's
