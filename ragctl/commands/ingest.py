"""`rag ingest`: files into the bucket, and what becomes of them."""

import json
import math
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure, Unreachable

if TYPE_CHECKING:
    from ragctl.load_report import LoadReport
    from ragctl.sidecars import Description
    from ragctl.sources import Source

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_NAME_RULE: Final = "takes 1 to 63 lower-case letters, digits and hyphens, the first of them no hyphen"
_MAX_GROUPS: Final = 64
_SCHEME: Final = "s3://"
_AGAIN: Final = "Run the same command again: what is done is not done twice."
_UNDER_WAY: Final = "What was uploaded is ingested all the same: rag documents list tells how it goes."
_NOT_BEGUN: Final = "Nothing is ingested yet: run the same command again."


def ingest(
    paths: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PATH",
            help="Files and directories: Markdown, text, HTML, PDF, DOCX, CSV, JSON, JSONL, EML; or s3://BUCKET/PREFIX.",
            show_default=False,
        ),
    ] = None,
    tenant: Annotated[str, typer.Option(help="The tenant that owns the documents.")] = "default",
    group: Annotated[
        list[str] | None,
        typer.Option(help="A group that may read them; repeatable. Without any: as before, at first the whole tenant."),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Metadata to filter by; repeatable. A number, true and false are stored as such; quote to keep text.",
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Touch nothing: count documents, chunks, tokens and the cost.")
    ] = False,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Ingest again what has failed or is stuck, without any PATH.")
    ] = False,
    stack: Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ingest documents: upload them, and follow until each can be asked about or has failed with a reason.

    A document's id is its path below the directory given, a single file's name, or a record's _id. Ingesting a changed
    file replaces what was ingested under its id; what is unchanged is not embedded again. `FILE.metadata.json` beside a
    file says who may read it and what to filter it by: `{"metadataAttributes": {"groups": ["hr"], "year": 2026}}`.

    Up to 10 files go to the bucket's `documents/`, where each starts its own ingestion; more of them, JSONL files, and
    what lies in S3 go through one bulk run. The local stack must be running (rag up --detach). With --stack, your
    credentials need cloudformation:DescribeStacks; s3:ListBucket, s3:GetObject and s3:PutObject on the bucket;
    dynamodb:BatchGetItem and dynamodb:Query on the registry's table; and states:StartExecution, DescribeExecution,
    ListExecutions and GetExecutionHistory.
    """
    from ragctl.load_report import complaints

    _check_names(tenant, group or [])
    description = _description(group or [], metadata or [])
    if bool(paths) == retry_failed:
        raise typer.BadParameter("give PATHs, or --retry-failed without any", param_hint="PATH")
    if dry_run and retry_failed:
        raise typer.BadParameter("--retry-failed goes without --dry-run", param_hint="--dry-run")
    _check_paths(paths or [])
    if dry_run:
        _estimate(stack, paths or [], description, as_json)
        return
    report = _ingested(Deployment.find(stack), tenant, paths or [], description)
    if as_json:
        typer.echo(json.dumps(report.as_object(), ensure_ascii=False))
    else:
        for line in report.lines():
            typer.echo(line)
        for line in complaints(report.failures):
            typer.echo(line, err=True)
    if not report.succeeded and not (retry_failed and not report.done):
        raise typer.Exit(1)


def _ingested(deployment: Deployment, tenant: str, paths: Sequence[str], description: "Description") -> "LoadReport":
    """Ingest the paths, or without any what has failed, and return what became of it."""
    from rag.errors import RagError, TransientError
    from ragctl.ingesting import Ingestion
    from ragctl.load_report import LoadReport, complaints
    from ragctl.progress import progress_view
    from ragctl.sources import count_documents

    sources = _sources(deployment, paths) if paths else []
    report = LoadReport(tenant, count_documents(sources))
    try:
        with progress_view() as show:
            ingestion = Ingestion(deployment, report, show)
            if paths:
                ingestion.ingest(sources, description)
            else:
                ingestion.retry()
    except (Failure, RagError) as error:
        for line in complaints(report.failures):
            typer.echo(line, err=True)
        advice = f" {_AGAIN}" if isinstance(error, Unreachable | TransientError) else ""
        raise Failure(f"{error}{advice}") from error
    except KeyboardInterrupt:
        raise Failure(_UNDER_WAY if report.begun else _NOT_BEGUN) from None
    return report


def _sources(deployment: Deployment, paths: Sequence[str]) -> "Sequence[Source]":
    from ragctl.bucket_sources import bucket_objects
    from ragctl.sources import checked, local_files, passed_over_line

    found: list[Source] = []
    for path in paths:
        if path.startswith(_SCHEME):
            found += bucket_objects(deployment.client("s3"), path)
        else:
            passed_over = Counter[str]()
            found += local_files(Path(path), passed_over)
            if passed_over:
                typer.echo(passed_over_line(path, passed_over), err=True)
    return checked(found)


def _estimate(stack: str | None, paths: Sequence[str], description: "Description", as_json: bool) -> None:
    """Tell what an ingestion would make and cost; without a running stack, with the template's settings."""
    from ragctl.estimating import Estimator, Settings
    from ragctl.load_report import complaints

    settings = Settings()
    try:
        outputs = Deployment.find(stack).outputs
        settings = Settings(
            int(outputs["ChunkSize"]),
            int(outputs["ChunkOverlap"]),
            model=outputs["EmbeddingModel"],
            base_url=outputs["EmbeddingBaseUrl"],
        )
    except Failure:
        if stack:
            raise
    estimated = Estimator(settings, description).estimate(_sources(Deployment.find(stack), paths))
    if as_json:
        typer.echo(json.dumps(estimated.as_object(), ensure_ascii=False))
    else:
        for line in estimated.lines():
            typer.echo(line)
        for line in complaints(estimated.failures):
            typer.echo(line, err=True)
    if estimated.failures or not estimated.total.documents:
        raise typer.Exit(1)


def _check_paths(paths: Sequence[str]) -> None:
    for path in paths:
        if not path.startswith(_SCHEME) and not Path(path).exists():
            raise typer.BadParameter(f"{path} does not exist", param_hint="PATH")


def _check_names(tenant: str, groups: Sequence[str]) -> None:
    if not _NAME.fullmatch(tenant):
        raise typer.BadParameter(_NAME_RULE, param_hint="--tenant")
    if len(groups) > _MAX_GROUPS or not all(map(_NAME.fullmatch, groups)):
        raise typer.BadParameter(f"{_NAME_RULE}; at most {_MAX_GROUPS} groups", param_hint="--group")


def _description(groups: Sequence[str], metadata: Sequence[str]) -> "Description":
    from rag.documents.attributes import parse_metadata
    from rag.errors import InvalidRequest
    from ragctl.sidecars import Description

    try:
        return Description(tuple(sorted(set(groups))), parse_metadata(dict(map(_pair, metadata))))
    except InvalidRequest as error:
        raise typer.BadParameter(str(error), param_hint="--metadata") from None


def _pair(text: str) -> tuple[str, Any]:
    """Return name and value of KEY=VALUE. What is a JSON scalar is that value, anything else is text."""
    name, separator, raw = text.partition("=")
    if not separator:
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint="--metadata")
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return name, raw
    if isinstance(value, float) and not math.isfinite(value):
        return name, raw
    return name, value if isinstance(value, str | bool | int | float) else raw
