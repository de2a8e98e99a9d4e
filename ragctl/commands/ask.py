"""`rag ask`: a question through the state machine, or a file of them through those for batches."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure

if TYPE_CHECKING:
    from ragctl.batching import BatchAnswers, Line


def ask(
    question: Annotated[
        str | None, typer.Argument(help="The question, at most 8,000 characters.", show_default=False)
    ] = None,
    file: Annotated[
        Path | None,
        typer.Option(
            help='A file of questions instead: JSONL, a line {"query": ...}, with an "id" if wanted, or a string; or '
            ".txt, one a line.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            help="With --file: write the results there, as JSONL in the order of the file.", show_default=False
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(
            help="Whose documents to search. With --api on the local stack alone: elsewhere the credentials tell.",
            show_default="default",
        ),
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="A group of the asker; repeatable. It opens that group's documents.")
    ] = None,
    top_k: Annotated[int | None, typer.Option(help="Passages to retrieve, 1 to 100.", show_default="10")] = None,
    condition: Annotated[
        str | None,
        typer.Option("--filter", metavar="JSON", help='A condition on metadata, such as {"year": {"$gte": 2024}}.'),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="How to search: hybrid, dense, lexical or pruned (the best by words, ranked by meaning).",
            show_default="hybrid",
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            help='A JSON file with the conversation before, as [{"role": "user" or "assistant", "content": ...}]: the '
            "question is rewritten to stand by itself."
        ),
    ] = None,
    phrasings: Annotated[
        int | None, typer.Option(help="Search for this many other phrasings of the question too, 1 to 4.")
    ] = None,
    api: Annotated[bool, typer.Option("--api", help="Go through the HTTP API.")] = False,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="RAG_API_TOKEN", help="With --api: a token of the issuer that it trusts.", show_default=False
        ),
    ] = None,
    stack: Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the state machine's output as it is.")] = False,
) -> None:
    """Ask a question and print the answer with its citations, or an honest "I don't know".

    A file of up to 100 questions is one execution of the batch state machine, a longer one goes through the bucket and
    a distributed map. Questions that fail do so alone and are listed; the exit status is 1 when all of them do. With
    --stack, your credentials need cloudformation:DescribeStacks, states:StartExecution, DescribeExecution and
    GetExecutionHistory; for a file s3:ListBucket, s3:GetObject and s3:PutObject below batches/ in the bucket too.

    With --api, the question goes through the HTTP API, as an app's does, and a file of up to 100 as one batch. Who asks
    is then told by the credentials, as the stack's ApiAuthorization wants them: your AWS credentials with
    execute-api:Invoke (IAM), RAG_API_TOKEN (COGNITO and JWT), or RAG_API_KEY (API_KEY).
    """
    _check_usage(question, file, output, single={"--history": history, "--phrasings": phrasings})
    if token is not None and not api and "RAG_API_TOKEN" not in os.environ:
        raise typer.BadParameter("goes with --api alone", param_hint="--token")
    caller = {"tenant": tenant, "groups": group or None}
    given: dict[str, Any] = {**({} if api else caller), "top_k": top_k, "mode": mode}
    shared = {name: value for name, value in given.items() if value is not None}
    if condition is not None:
        shared["filter"] = _parsed(condition)
    alone = {"history": _read(history) if history else None, "phrasings": phrasings}
    request = {"query": question, **shared, **{name: value for name, value in alone.items() if value is not None}}
    deployment = Deployment.find(stack)
    if api and token is not None and "RAG_API_TOKEN" not in os.environ:
        _check_token(deployment)
    over_http = {**caller, "token": token} if api else None
    if file is not None:
        answers = partial(_batch_over_http, deployment, over_http) if over_http else partial(_batch, deployment)
        _ask_all(answers, file, shared, output, as_json)
    elif over_http is not None:
        _ask_over_http(deployment, over_http, request, as_json)
    else:
        _ask_one(deployment, request, as_json)


def _check_usage(question: str | None, file: Path | None, output: Path | None, single: dict[str, Any]) -> None:
    if (question is None) == (file is None):
        raise typer.BadParameter("give a QUESTION or a --file, and not both", param_hint="QUESTION")
    if output is not None and file is None:
        raise typer.BadParameter("goes with --file alone", param_hint="--output")
    for name, value in single.items():
        if value is not None and file is not None:
            raise typer.BadParameter("goes with a single QUESTION alone", param_hint=name)


def _check_token(deployment: Deployment) -> None:
    """Refuse a token that the API would not look at."""
    from ragctl.api.finding import TOKENS

    authorisation = deployment.output("ApiAuthorization")
    if authorisation not in TOKENS:
        wanted = "a key: set RAG_API_KEY" if authorisation == "API_KEY" else "requests signed with AWS credentials"
        raise typer.BadParameter(f"is not looked at: the API of this stack wants {wanted}", param_hint="--token")


def _ask_one(deployment: Deployment, request: dict[str, Any], as_json: bool) -> None:
    from ragctl.asking import Asker, QueryFailedError
    from ragctl.rendering import answer_lines, time_line

    asker = Asker(deployment)
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


def _ask_over_http(deployment: Deployment, caller: dict[str, Any], request: dict[str, Any], as_json: bool) -> None:
    from ragctl.api.asking import ask
    from ragctl.api.finding import client_of
    from ragctl.api.hinting import hinted
    from ragctl.rendering import answer_lines

    with client_of(deployment, **caller) as client, hinted(deployment):
        told = ask(client, request)
    if as_json:
        typer.echo(json.dumps(told.output, ensure_ascii=False))
        return
    for line in answer_lines(told.output):
        typer.echo(line)
    typer.echo(f"{told.seconds * 1000:.0f} ms over HTTP (trace id {told.output['trace_id']})")


def _ask_all(
    ask: "Callable[[list[Line], dict[str, Any]], BatchAnswers]",
    file: Path,
    shared: dict[str, Any],
    output: Path | None,
    as_json: bool,
) -> None:
    from rag.errors import RagError
    from ragctl.batch_report import batch_lines, failure_lines, summary_line, write_results
    from ragctl.batching import read_lines

    try:
        lines = read_lines(file)
    except OSError as error:
        raise typer.BadParameter(f"cannot be read: {error.strerror}", param_hint="--file") from error
    if not lines:
        raise typer.BadParameter("holds no question", param_hint="--file")
    try:
        answers = ask(lines, shared)
    except RagError as error:
        raise Failure(str(error)) from error
    described = answers.as_object()
    if output is not None:
        try:
            write_results(answers, output)
        except OSError as error:
            raise Failure(f"{output} cannot be written: {error.strerror}") from error
        described = {"results_location": str(output), **{k: v for k, v in described.items() if k != "results"}}
    if as_json:
        typer.echo(json.dumps(described, ensure_ascii=False))
    else:
        for line in () if output else batch_lines(answers):
            typer.echo(line)
        typer.echo(summary_line(answers))
        for line in failure_lines(answers):
            typer.echo(line, err=True)
    if answers.failed == len(answers.results):
        raise typer.Exit(1)


def _batch(deployment: Deployment, lines: "list[Line]", shared: dict[str, Any]) -> "BatchAnswers":
    from ragctl.batching import BatchAsker
    from ragctl.progress import answer_view

    with answer_view(len(lines)) as show:
        return BatchAsker(deployment).ask(lines, shared, show)


def _batch_over_http(
    deployment: Deployment, caller: dict[str, Any], lines: "list[Line]", shared: dict[str, Any]
) -> "BatchAnswers":
    from ragctl.api.batching import ask_all
    from ragctl.api.finding import client_of
    from ragctl.api.hinting import hinted

    with client_of(deployment, **caller) as client, hinted(deployment):
        return ask_all(client, lines, shared)


def _read(history: Path) -> Any:
    try:
        return json.loads(history.read_text(encoding="utf-8"), parse_constant=_refused)
    except OSError as error:
        raise typer.BadParameter(f"cannot be read: {error.strerror}", param_hint="--history") from error
    except (ValueError, RecursionError):
        raise typer.BadParameter("is not valid JSON", param_hint="--history") from None


def _parsed(condition: str) -> Any:
    try:
        return json.loads(condition, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise typer.BadParameter("is not valid JSON", param_hint="--filter") from None


def _refused(constant: str) -> None:
    raise ValueError(constant)  # NaN and Infinity are Python's, not JSON's
