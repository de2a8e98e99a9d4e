"""`rag documents`: what the registry knows of the documents, and changes by hand."""

import json
import sys
from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure

if TYPE_CHECKING:
    from rag.registration import Registration

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")

_SHOWN: Final = 100

Tenant = Annotated[str, typer.Option(help="The tenant that owns the documents.")]
Stack = Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids of documents, or paths of JSONL files.")]


class Status(StrEnum):
    """How the latest attempt at a document went."""

    pending = "pending"
    indexing = "indexing"
    ready = "ready"
    failed = "failed"
    deleted = "deleted"


@app.callback()
def documents() -> None:
    """List, show, delete and reindex documents.

    With --stack, your credentials need cloudformation:DescribeStacks; dynamodb:BatchGetItem and dynamodb:Query on the
    registry's table; to delete and to reindex also states:StartExecution and DescribeExecution, s3:ListBucket,
    s3:GetObject and s3:DeleteObject.
    """


@app.command("list")
def list_documents(
    status: Annotated[Status | None, typer.Option(help="Only these. Deleted ones are shown only so.")] = None,
    prefix: Annotated[str, typer.Option(help="Only ids that begin with this.")] = "",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many.", show_default=f"{_SHOWN}; with --json all")
    ] = None,
    tenant: Tenant = "default",
    stack: Stack = None,
    as_json: AsJson = False,
) -> None:
    """List documents, and the JSONL files that hold several."""
    from itertools import islice

    from ragctl.listing import as_object, table_lines

    deployment = Deployment.find(stack)
    wanted = {
        family: (
            entry
            for entry in _entries(deployment, tenant, family)
            if entry.document_id.startswith(prefix)
            and (entry.status == status if status else entry.status != "deleted")
        )
        for family in ("document", "file")
    }
    if as_json:
        listed = {family: [as_object(entry) for entry in islice(found, limit)] for family, found in wanted.items()}
        told = {"tenant": tenant, "documents": listed["document"], "files": listed["file"]}
        typer.echo(json.dumps(told, ensure_ascii=False))
        return
    limit = limit or _SHOWN
    for family, found in wanted.items():
        shown = list(islice(found, limit + 1))
        if family == "file" and shown:
            typer.echo("\nFiles that hold a document a line:")
        if shown or family == "document":
            for line in table_lines(shown[:limit], files=family == "file"):
                typer.echo(line)
        if len(shown) > limit:
            typer.echo(f"These are the first {limit:,}; --limit shows more.", err=True)


@app.command()
def show(
    document: Annotated[str, typer.Argument(metavar="ID", help="A document's id, or a JSONL file's path.")],
    tenant: Tenant = "default",
    stack: Stack = None,
    as_json: AsJson = False,
) -> None:
    """Show all that the registry knows of one document."""
    from rag.errors import RagError
    from rag.ingestion.changes import is_record_file
    from ragctl import wiring
    from ragctl.listing import Records, as_object, entry_lines, file_as_object

    deployment = Deployment.find(stack)
    entry = _known(deployment, tenant, [document])[document]
    is_file = is_record_file(document) and entry.source == document  # a record may be called so as well
    try:
        held = wiring.registry(deployment).documents(tenant, source=document) if is_file else ()
        records = Records.of(held) if is_file else None
    except RagError as error:
        raise Failure(str(error)) from error
    if as_json:
        told = as_object(entry) if records is None else file_as_object(entry, records)
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        for line in entry_lines(entry, records):
            typer.echo(line)


@app.command()
def delete(
    documents: Ids,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    tenant: Tenant = "default",
    stack: Stack = None,
    as_json: AsJson = False,
) -> None:
    """Delete documents: at once for readers, then from the index, the caches and the bucket.

    A record can be deleted alone; it comes back when its file is ingested again with the record in it.
    """
    from rag.errors import RagError
    from ragctl.deleting import delete_objects, leftovers

    deployment = Deployment.find(stack)
    ids = list(dict.fromkeys(documents))
    entries = _known(deployment, tenant, ids)
    if not yes:
        if not sys.stdin.isatty():
            raise Failure("There is no terminal to ask on whether to delete: give --yes.")
        typer.confirm(f"Delete {', '.join(ids)} of the tenant {tenant}?", abort=True, err=True)
    failures = _by_hand(deployment, tenant, ids, "delete")
    try:
        after = _found(deployment, tenant, ids)
        failures |= {
            name: reason for name in ids if name not in failures and (reason := leftovers(after[name])) is not None
        }
        delete_objects(deployment, [entries[name] for name in ids if name not in failures])
    except RagError as error:
        raise Failure(str(error)) from error
    _tell(ids, failures, "deleted", as_json)


@app.command()
def reindex(
    documents: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Ids of documents, or paths of JSONL files.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All documents of the tenant.")] = False,
    tenant: Tenant = "default",
    stack: Stack = None,
    as_json: AsJson = False,
) -> None:
    """Read documents again from the bucket and index them as a new version; readers see the old one meanwhile.

    Text that is unchanged is not embedded again.
    """
    if bool(documents) == everything:
        raise typer.BadParameter("give IDs, or --all without any", param_hint="ID")
    deployment = Deployment.find(stack)
    if documents:
        ids = list(dict.fromkeys(documents))
        _known(deployment, tenant, ids)
    else:
        whole = (entry for entry in _entries(deployment, tenant, "document") if entry.source == entry.document_id)
        files = _entries(deployment, tenant, "file")
        ids = [entry.document_id for entries in (whole, files) for entry in entries if entry.status != "deleted"]
    failures = _by_hand(deployment, tenant, ids, "reindex")
    after = _found(deployment, tenant, ids)
    failures |= {name: after[name].error for name in ids if after[name].status == "failed"}
    _tell(ids, failures, "reindexed", as_json)


def _by_hand(deployment: Deployment, tenant: str, ids: Sequence[str], action: str) -> dict[str, str]:
    """Run the ingest machine on each document, and return why it failed where it did."""
    from ragctl.machines import Machine, complaint

    machine = Machine(deployment, "IngestStateMachineArn")
    ended = machine.run_all([{"tenant": tenant, "document_id": name, "action": action} for name in ids])
    return {name: complaint(one) for name, one in zip(ids, ended, strict=True) if one["status"] != "SUCCEEDED"}


def _tell(ids: Sequence[str], failures: dict[str, str], done: str, as_json: bool) -> None:
    from ragctl.rendering import printable

    if as_json:
        told: dict[str, Any] = {
            done: [name for name in ids if name not in failures],
            "failures": [{"document_id": name, "reason": reason} for name, reason in failures.items()],
        }
        typer.echo(json.dumps(told, ensure_ascii=False))
    else:
        typer.echo(f"{len(ids) - len(failures):,} {done}" + (f", {len(failures):,} failed." if failures else "."))
        for name, reason in failures.items():
            typer.echo(f"failed: {printable(name)}: {printable(reason)}", err=True)
    if failures:
        raise typer.Exit(1)


def _known(deployment: Deployment, tenant: str, ids: Sequence[str]) -> "dict[str, Registration]":
    """Return the entries of these documents.

    Raises:
        Failure: one is not there, or no more.
    """
    found = _found(deployment, tenant, ids)
    for name, entry in found.items():
        if not entry.revision:
            raise Failure(f"The tenant {tenant} has no document {name}.")
    return found


def _found(deployment: Deployment, tenant: str, ids: Sequence[str]) -> "dict[str, Registration]":
    """Return the entries of these documents, or else of the files with these paths."""
    from rag.errors import RagError
    from ragctl import wiring

    try:
        files = wiring.registry(deployment, "file").load(tenant, ids)
        entries = wiring.registry(deployment).load(tenant, ids)
    except RagError as error:
        raise Failure(str(error)) from error
    return {name: files[name] if files[name].revision and not entries[name].revision else entries[name] for name in ids}


def _entries(deployment: Deployment, tenant: str, family: str) -> "Iterator[Registration]":
    from rag.errors import RagError
    from ragctl import wiring

    try:
        yield from wiring.registry(deployment, "file" if family == "file" else "document").documents(tenant)
    except RagError as error:
        raise Failure(str(error)) from error
