"""`rag ingest`: files into chunks, vectors and the index."""

import json
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure

if TYPE_CHECKING:
    from rag.documents.attributes import Attributes
    from rag.loading import LoadDocuments
    from ragctl.load_report import LoadReport

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_NAME_RULE: Final = "takes 1 to 63 lower-case letters, digits and hyphens, the first of them no hyphen"
_MAX_GROUPS: Final = 64


def ingest(
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH",
            exists=True,
            help="Markdown, text and HTML files, BEIR corpus.jsonl files, and directories of these.",
            show_default=False,
        ),
    ],
    tenant: Annotated[str, typer.Option(help="The tenant that owns the documents.")] = "default",
    group: Annotated[
        list[str] | None,
        typer.Option(help="A group that may read them; repeatable. Without any, the whole tenant may."),
    ] = None,
    metadata: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="Metadata to filter by; repeatable. A number, true and false are stored as such; quote to keep text.",
        ),
    ] = None,
    stack: Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Load documents: chunk, embed and index them. What is there already is neither embedded nor written again.

    A document's id is its path below the directory given, a single file's name, or a record's _id. Loading a changed
    document replaces what was loaded under its id. The local stack must be running (rag up --detach).
    """
    attributes = _attributes(tenant, group or [], metadata or [])
    deployment = Deployment.find(stack)
    from rag.errors import RagError, TransientError
    from ragctl.load_report import LoadReport, progress_bar
    from ragctl.sources import count_documents, documents_of

    report = LoadReport()
    try:
        with progress_bar(count_documents(paths)) as show:
            for step in _loader(deployment, report)(tenant, documents_of(paths, attributes)):
                report.add(step)
                show(report)
    except RagError as error:
        again = " Run the same command again: it goes on from there." if isinstance(error, TransientError) else ""
        raise Failure(f"{error}{again}") from error
    if as_json:
        typer.echo(json.dumps(report.as_object(), ensure_ascii=False))
    else:
        for line in report.lines():
            typer.echo(line)
        for line in report.complaints():
            typer.echo(line, err=True)
    if not report.succeeded:
        raise typer.Exit(1)


def _attributes(tenant: str, groups: list[str], metadata: list[str]) -> "Attributes":
    from rag.documents.attributes import Attributes, parse_metadata
    from rag.errors import InvalidRequest

    if not _NAME.fullmatch(tenant):
        raise typer.BadParameter(_NAME_RULE, param_hint="--tenant")
    if len(groups) > _MAX_GROUPS or not all(map(_NAME.fullmatch, groups)):
        raise typer.BadParameter(f"{_NAME_RULE}; at most {_MAX_GROUPS} groups", param_hint="--group")
    try:
        return Attributes(tuple(sorted(set(groups))), parse_metadata(dict(map(_pair, metadata))))
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


def _loader(deployment: Deployment, report: "LoadReport") -> "LoadDocuments":
    from rag.chunking import Chunker
    from rag.loading import LoadDocuments
    from rag.vectorising import CachedEmbedder
    from ragctl import wiring
    from ragctl.patience import Patience, PatientEmbedder, PatientIndex

    patience = Patience()
    embedder = PatientEmbedder(wiring.embedder(deployment), patience)
    cache = wiring.embedding_cache(deployment, report.cache_failed)
    index = PatientIndex(wiring.chunk_index(deployment), patience)
    return LoadDocuments(CachedEmbedder(embedder, cache), index, Chunker())
