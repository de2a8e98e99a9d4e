"""`rag doctor`: whether registry and index agree, and what to do where they do not."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure

if TYPE_CHECKING:
    from rag.ingestion.examining import ExamineIndex
    from ragctl.mending import Mended, Mending

_LOCAL_PATIENCE_MINUTES: Final = 15


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what is found, then examine again.")] = False,
    tenant: Annotated[str | None, typer.Option(help="Only this tenant's documents.", show_default="all")] = None,
    patience: Annotated[
        int,
        typer.Option(min=0, metavar="MINUTES", help="A document is stuck when nothing has become of it for so long."),
    ] = _LOCAL_PATIENCE_MINUTES,
    stack: Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare the registry of documents with the vector index, both ways, and find what is stuck.

    Orphans are chunks in the index that no version of a document has; missing ones, those of a version that readers
    should see. Stuck is what has been on its way for longer than --patience; unreaped, what nobody needs any more and
    nobody has deleted. --fix deletes orphans and unreaped versions by their ids, and ingests the other documents again
    from the bucket. Readers never see orphans, nor what is unreaped: the registry decides. Exit status 1: something is
    wrong.

    With --stack, your credentials need cloudformation:DescribeStacks; dynamodb:BatchGetItem, GetItem and Query on the
    registry's table; secretsmanager:GetSecretValue; for --fix also dynamodb:PutItem on that table and BatchWriteItem on
    the cache's, states:StartExecution and DescribeExecution, s3:ListBucket, s3:GetObject, s3:PutObject and
    s3:DeleteObject.
    """
    from rag.errors import RagError
    from ragctl.diagnosis import diagnosis_lines, diagnosis_object

    deployment = Deployment.find(stack)
    try:
        if fix:
            mended = mending(deployment, patience * 60)(tenant)
            found, before, failures = mended.after, mended.before, _failures(mended)
        else:
            found, before, failures = examining(deployment, patience * 60)(tenant), None, []
        waiting = _on_their_way(deployment, tenant, patience * 60)
    except RagError as error:
        raise Failure(str(error)) from error
    if as_json:
        typer.echo(json.dumps(diagnosis_object(found, before, failures, waiting), ensure_ascii=False))
    else:
        for line in diagnosis_lines(found, before, failures, waiting, patience):
            typer.echo(line)
    if not found.ok:
        raise typer.Exit(1)


def examining(deployment: Deployment, patience_seconds: float) -> "ExamineIndex":
    """Return the examination of a deployment."""
    from rag.clock import now
    from rag.ingestion.examining import ExamineIndex
    from ragctl import wiring

    return ExamineIndex(
        registry=wiring.registry(deployment),
        files=wiring.registry(deployment, "file"),
        pointer=wiring.pointer(deployment),
        index_of=wiring.index_of(deployment),
        clock=now,
        patience_seconds=patience_seconds,
    )


def mending(deployment: Deployment, patience_seconds: float) -> "Mending":
    """Return what mends a deployment."""
    from rag.ingestion.reaping import ReapVersions
    from rag.ingestion.results import Result
    from rag.objects import ObjectInfo
    from ragctl import wiring
    from ragctl.load_report import LoadReport
    from ragctl.machines import Machine, complaint
    from ragctl.mending import Mending
    from ragctl.progress import progress_view
    from ragctl.runs import Run

    examine = examining(deployment, patience_seconds)
    machine = Machine(deployment, "IngestStateMachineArn")
    objects = wiring.objects(deployment)

    def by_hand(changes: Sequence[Mapping[str, Any]]) -> Iterable[str | None]:
        report = LoadReport("", len(changes))
        with progress_view() as show:
            ended = machine.run_all([dict(change) for change in changes])
            for change, one in zip(changes, ended, strict=True):
                reason = None if one["status"] == "SUCCEEDED" else complaint(one)
                name = f"{change['tenant']}/{change['document_id']}"
                report.add(Result(name, "failed" if reason else "ready", reason or ""))
                show(report)
                yield reason

    def in_bulk(tenant: str, listed: Sequence[ObjectInfo], documents: int) -> None:
        bulk = Machine(deployment, "IngestBulkStateMachineArn")
        with progress_view() as show:
            Run(objects, bulk, LoadReport(tenant, documents), show).over(listed)

    reap = ReapVersions(
        objects=objects,
        registry=examine.registry,
        pointer=examine.pointer,
        index_of=examine.index_of,
        cache=wiring.cache_of(deployment),
        endpoint=deployment.output("EmbeddingBaseUrl"),
    )
    return Mending(examine, reap, by_hand, in_bulk)


def _on_their_way(deployment: Deployment, tenant: str | None, patience_seconds: float) -> int:
    from rag.clock import now
    from ragctl import wiring
    from ragctl.retrying import on_their_way, stuck_before

    documents, files = wiring.registry(deployment), wiring.registry(deployment, "file")
    tenants = [tenant] if tenant else documents.tenants()
    return on_their_way([documents, files], tenants, stuck_before(now(), patience_seconds))


def _failures(mended: "Mended") -> list[dict[str, str]]:
    return [
        {"tenant": tenant, "document_id": name, "reason": reason} for (tenant, name), reason in mended.failures.items()
    ]
