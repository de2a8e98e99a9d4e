"""`rag eval`: how good retrieval and the answers of a deployment are, and whether a change made them worse."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure

if TYPE_CHECKING:
    from ragctl.evaluation.calibrating import Report
    from ragctl.evaluation.measurement import Measurement
    from ragctl.evaluation.outcome import Outcome

_TENANT: Final = "default"
_MODES: Final = ("dense", "lexical", "hybrid", "pruned", "reranked")


def evaluate(
    dataset: Annotated[
        Path | None,
        typer.Argument(
            metavar="DATASET_DIR", help="Holds corpus.jsonl, queries.jsonl and qrels/SPLIT.tsv.", show_default=False
        ),
    ] = None,
    answers: Annotated[
        list[Path] | None,
        typer.Option(
            help='JSONL of {"id", "question", "document", "contains"}; no document: unanswerable. Repeatable.'
        ),
    ] = None,
    mode: Annotated[
        list[str] | None, typer.Option(help=f"{', '.join(_MODES)}; repeatable. Without any: all.", show_default=False)
    ] = None,
    split: Annotated[str, typer.Option(help="Which judgements: the name of a file in qrels/.")] = "test",
    limit: Annotated[int | None, typer.Option(min=1, help="Take the first N queries only.")] = None,
    tenant: Annotated[
        str | None, typer.Option(help="Whose documents --answers is about.", show_default="default")
    ] = None,
    no_load: Annotated[bool, typer.Option("--no-load", help="The corpus is loaded already: leave it be.")] = False,
    plot: Annotated[
        Path | None, typer.Option(metavar="PNG", help="Draw nDCG@10 by fusion weight, and tell the best weight.")
    ] = None,
    save: Annotated[Path | None, typer.Option(metavar="JSON", help="Keep every query's values as a baseline.")] = None,
    compare: Annotated[
        Path | None, typer.Option(metavar="JSON", help="Exit 1 on a drop below this baseline beyond the noise.")
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help='Fit the rule for "nothing relevant" to the questions of --answers.')
    ] = False,
    unanswerable: Annotated[
        list[Path] | None,
        typer.Option(help="With --calibrate: a queries.jsonl that the documents do not answer. Repeatable."),
    ] = None,
    stack: Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Measure retrieval on a dataset in BEIR's layout, or retrieval and answers on a file of questions.

    `rag eval DATASET_DIR` loads the corpus into the tenant `eval-<name>` as `rag ingest` does, ranks every judged query
    in every mode through the deployment's own adapters and use cases, and prints nDCG@10, recall@5, recall@100, MRR@10
    and latency side by side.

    `rag eval --answers FILE` asks every question of a tenant whose documents are loaded (rag ingest --tenant ...). An
    answer is right when it cites the document named and contains the words given; a question that names no document is
    right when it is refused. Its questions are ranked in every mode, too.

    The local stack must be running (rag up --detach). With --stack, your credentials need what rag ingest needs, and
    secretsmanager:GetSecretValue, dynamodb:GetItem and dynamodb:BatchWriteItem.
    """
    if (dataset is None) == (not answers):
        raise typer.BadParameter("give DATASET_DIR, or --answers FILE", param_hint="DATASET_DIR")
    if dataset and tenant:
        raise typer.BadParameter("a dataset has its own, eval-<name>", param_hint="--tenant")
    if wrong := [name for name in mode or () if name not in _MODES]:
        raise typer.BadParameter(f"{wrong[0]} is none of {', '.join(_MODES)}", param_hint="--mode")
    if unanswerable and not calibrate:
        raise typer.BadParameter("goes with --calibrate", param_hint="--unanswerable")
    if calibrate and (dataset or mode or plot or save or compare):
        raise typer.BadParameter("takes --answers, --unanswerable, --tenant and --limit", param_hint="--calibrate")
    deployment = Deployment.find(stack)
    files = answers or []
    if calibrate:
        from ragctl.evaluation.calibrating import calibrate as fit

        with _explained():
            report = fit(deployment, files, unanswerable or [], limit, tenant or _TENANT, _tell)
        _print(report, as_json)
        return
    from ragctl.evaluation.evaluating import Wanted, evaluate_answers, evaluate_dataset

    baseline = _opened(plot, save, compare)
    wanted = Wanted(mode or [], limit, plot is not None, baseline)
    with _explained():
        if dataset:
            outcome = evaluate_dataset(deployment, dataset, split, wanted, _tell, load=not no_load)
        else:
            outcome = evaluate_answers(deployment, files, tenant or _TENANT, wanted, _tell)
    _keep(outcome, plot, save)
    _print(outcome, as_json)
    if baseline:
        _hold_against(baseline, outcome.measurement(), some=bool(mode), on_stderr=as_json)


def _opened(plot: Path | None, save: Path | None, compare: Path | None) -> "Measurement | None":
    """Return the baseline, if there is one; whatever hinders the end is told before anything is measured."""
    from ragctl.evaluation.measurement import Measurement
    from ragctl.evaluation.plotting import check_plotting

    if plot:
        check_plotting(plot)
    if save and not save.resolve().parent.is_dir():
        raise Failure(f"{save} cannot be written: its directory does not exist.")
    return Measurement.load(compare) if compare else None


def _keep(outcome: "Outcome", plot: Path | None, save: Path | None) -> None:
    from ragctl.evaluation.plotting import plot as draw

    if plot and outcome.curve:
        draw(outcome.curve, plot)
        _tell(outcome.curve.line())
    if save:
        outcome.measurement().save(save)


def _hold_against(baseline: "Measurement", now: "Measurement", *, some: bool, on_stderr: bool) -> None:
    """Tell what has changed, and end with exit status 1 if something dropped; `some`: in the modes chosen alone."""
    from ragctl.evaluation.comparison import compared

    chosen = baseline.only(set(now.values)) if some else baseline
    changes = compared(chosen, now)
    dropped = [change for change in changes if change.dropped]
    typer.echo("", err=on_stderr)
    for change in changes:
        if change.interval.mean:
            typer.echo(change.line(), err=on_stderr)
    if dropped:
        names = ", ".join(f"{change.mode} {change.metric}" for change in dropped)
        raise Failure(f"Worse than the baseline beyond the noise: {names}.")
    same = sum(not change.interval.mean for change in changes)
    typer.echo(f"Nothing dropped beyond the noise ({same} of {len(changes)} metrics are the same).", err=on_stderr)


def _print(found: "Outcome | Report", as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(found.as_object(), ensure_ascii=False))
        return
    for line in found.lines():
        typer.echo(line)


@contextmanager
def _explained() -> Iterator[None]:
    """Turn an error of the layers below into a failure of the command."""
    from rag.errors import RagError
    from ragctl.asking import QueryFailedError

    try:
        yield
    except (RagError, QueryFailedError) as error:
        raise Failure(str(error) or type(error).__name__) from error


def _tell(line: str) -> None:
    typer.echo(line, err=True)
