"""`rag reindex`: another embedding model, without a pause for readers."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure

if TYPE_CHECKING:
    from rag.index_pointer import IndexTarget
    from rag.ingestion.results import Spent
    from ragctl.reindexing import Reindexing

_PATIENCE_SECONDS: Final = 900.0
_PROBE: Final = "Does this endpoint serve the model?"
_QUERIES_DONE_SECONDS: Final = 60.0  # a query remembers for 30 s which collection is live, and then takes its time


def reindex(
    model: Annotated[str | None, typer.Option(help="The embedding model to move to.", show_default=False)] = None,
    dimensions: Annotated[int | None, typer.Option(min=1, max=4096, help="Its dimensions.", show_default=False)] = None,
    host: Annotated[
        str | None,
        typer.Option(help="Pinecone: host of an index that is there already.", show_default="made as rag index create"),
    ] = None,
    cloud: Annotated[str, typer.Option(help="Pinecone: cloud of a new index.")] = "aws",
    region: Annotated[str, typer.Option(help="Pinecone: region of a new index.")] = "us-east-1",
    drop_old: Annotated[
        bool, typer.Option("--drop-old", help="Milvus: drop the old collection once nobody reads or writes it.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Tell which collection is live, and which is filled.")
    ] = False,
    abort: Annotated[bool, typer.Option("--abort", help="Stop filling; readers stay where they are.")] = False,
    stack: Annotated[str | None, typer.Option(help="A CloudFormation stack instead of the local one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Embed everything with another model into a second collection, and switch to it when it is complete.

    Readers search the live collection until then, and new documents go into both. Text is taken from the live
    collection, not from the files. If this is interrupted, run it again: it goes on. After the switch every question
    uses the new model within 30 seconds. The endpoint stays EmbeddingBaseUrl. Look at the parameter RelevanceRule:
    how similar is similar enough depends on the model.

    With --stack, your credentials need what `rag doctor --fix` does, and dynamodb:PutItem on the registry's table.
    The old collection keeps the text of its documents until it is dropped.
    """
    from rag.errors import RagError

    deployment = Deployment.find(stack)
    if sum((model is not None, status, abort)) != 1 or (model is None) != (dimensions is None):
        raise typer.BadParameter("give --model with --dimensions, or --status, or --abort", param_hint="--model")
    try:
        if status or abort:
            told = _status(deployment) if status else _abort(deployment)
        else:
            from rag.index_pointer import IndexTarget

            wanted = IndexTarget(model=model or "", dimensions=dimensions or 0, host=host or "")
            told = _move(deployment, wanted, cloud, region, drop_old=drop_old, quiet=as_json)
    except RagError as error:
        raise Failure(str(error)) from error
    except KeyboardInterrupt:
        raise Failure("Readers stay where they are. Run this again to go on, or rag reindex --abort.") from None
    line = told.pop("told")
    typer.echo(json.dumps(told, ensure_ascii=False) if as_json else line)


def _move(
    deployment: Deployment, wanted: "IndexTarget", cloud: str, region: str, *, drop_old: bool, quiet: bool
) -> dict[str, Any]:
    """Fill the collection, switch to it, and see that nothing was left behind on the way."""
    from rag.ingestion.results import Spent
    from ragctl.commands.doctor import mending
    from ragctl.reindexing import told

    pinecone = deployment.output("VectorStore") == "pinecone"
    if drop_old and pinecone:
        raise Failure("A Pinecone index is deleted in its console, or with its own tools: leave --drop-old away.")
    _probe(deployment, wanted)
    target = _created(deployment, wanted, cloud, region)
    spent = [Spent()]
    move = _reindexing(deployment, spent, quiet=quiet)
    move.begin(target)
    found = move.complete(target)
    old = move.switch(target)
    writers = _writers(deployment) if drop_old else []
    left = mending(deployment, _PATIENCE_SECONDS)() if move.examine().missing else None
    if drop_old:
        _drop(deployment, old, writers)
    kept = "dropped" if drop_old else "kept: drop it when you need it no more"
    line = (
        f"{told(target)} is live, with {found.documents:,} documents. {spent[0].embedded:,} chunks were embedded "
        f"({spent[0].tokens:,} tokens, {_cost(spent[0])}), {spent[0].reused:,} reused. {told(old)} is {kept}."
    )
    if left and not left.after.ok:
        line += " Something that was on its way is missing: rag doctor tells what."
    return {
        "live": _as_object(target),
        "old": _as_object(old),
        "dropped": drop_old,
        "documents": found.documents,
        "embedded": spent[0].embedded,
        "reused": spent[0].reused,
        "tokens": spent[0].tokens,
        "cost_usd": spent[0].cost_usd,
        "told": line,
    }


def _reindexing(deployment: Deployment, spent: "list[Spent]", *, quiet: bool) -> "Reindexing":
    """Wire the steps; what the runs take is added up in `spent`."""
    from rag.index_pointer import IndexTarget
    from ragctl import wiring
    from ragctl.commands.doctor import examining
    from ragctl.load_report import LoadReport
    from ragctl.machines import Machine
    from ragctl.progress import progress_view
    from ragctl.reindexing import Reindexing
    from ragctl.runs import Run

    examine = examining(deployment, _PATIENCE_SECONDS)

    def fill(target: IndexTarget, tenant: str | None) -> None:
        tenants = [tenant] if tenant else list(examine.registry.tenants())
        total = sum(bool(entry.live_version) for each in tenants for entry in examine.registry.documents(each))
        report = LoadReport(tenant or "all", total)
        machine = Machine(deployment, "IngestBulkStateMachineArn")
        with progress_view() as show:
            Run(wiring.objects(deployment), machine, report, show).copying(target, tenant)
        spent[0] += report.spent
        for failure in report.failures if not quiet else ():
            typer.echo(f"not copied: {failure.document_id}: {failure.reason}", err=True)

    return Reindexing(examine.pointer, examine, fill)


def _status(deployment: Deployment) -> dict[str, Any]:
    from ragctl import wiring
    from ragctl.commands.doctor import examining
    from ragctl.reindexing import told

    pointer = wiring.pointer(deployment).read()
    if pointer.next is None:
        line = f"{told(pointer.live)} is live, and no other is being filled."
        return {"live": _as_object(pointer.live), "next": None, "told": line}
    found = examining(deployment, _PATIENCE_SECONDS)()
    line = f"{told(pointer.live)} is live. {told(pointer.next)} is being filled: it lacks {found.unfilled:,} chunks."
    return {
        "live": _as_object(pointer.live),
        "next": _as_object(pointer.next),
        "unfilled": found.unfilled,
        "told": line,
    }


def _abort(deployment: Deployment) -> dict[str, Any]:
    from ragctl import wiring
    from ragctl.reindexing import told

    move = _reindexing(deployment, [], quiet=True)
    ended = move.abort()
    live = wiring.pointer(deployment).read().live
    line = f"{told(live)} is live, and no other is being filled."
    if ended:
        line += f" What {told(ended)} holds is kept, and is of use if you come back to it."
    return {"live": _as_object(live), "aborted": _as_object(ended) if ended else None, "told": line}


def _probe(deployment: Deployment, target: "IndexTarget") -> None:
    """Embed one sentence: this is wrong at once where the endpoint does not serve the model in these dimensions."""
    from rag.adapters.openai_embedder import OpenAIEmbedder
    from ragctl import wiring

    endpoint = deployment.output("EmbeddingBaseUrl")
    credential = wiring.secret(deployment, "OpenAISecretName")
    embedder = OpenAIEmbedder(credential, endpoint, target.model, target.dimensions, wiring.EMBEDDING_DEADLINE_SECONDS)
    try:
        embedder.embed([_PROBE])
    finally:
        embedder.close()


def _created(deployment: Deployment, wanted: "IndexTarget", cloud: str, region: str) -> "IndexTarget":
    """Make the collection, unless it is there, and return where it is."""
    from rag.identity import collection_name
    from rag.index_pointer import IndexTarget
    from ragctl import wiring

    if deployment.output("VectorStore") == "milvus":
        if wanted.host:
            raise Failure("Milvus has one address for all collections: leave --host away.")
        from rag.adapters.milvus_schema import create_milvus_collection

        name = collection_name(wanted.model, wanted.dimensions)
        credential = wiring.secret(deployment, "MilvusSecretName")
        create_milvus_collection(credential, deployment.output("MilvusUri"), name, wanted.dimensions)
        return wanted
    if wanted.host:
        return wanted
    from rag.adapters.pinecone_index import create_pinecone_index, pinecone_index_name

    key = wiring.secret(deployment, "PineconeSecretName")
    kind = wiring.pinecone_index_kind(deployment)
    name = pinecone_index_name(wanted.model, wanted.dimensions, kind)
    made = create_pinecone_index(key, name, wanted.dimensions, kind, cloud=cloud, region=region)
    return IndexTarget(model=wanted.model, dimensions=wanted.dimensions, host=made)


def _writers(deployment: Deployment) -> list[tuple[Any, str]]:
    """Return the ingestions that run now, with their machines: they may still write into the old collection."""
    from ragctl.machines import Machine

    machines = [Machine(deployment, f"{name}StateMachineArn") for name in ("Ingest", "IngestBulk")]
    return [(machine, execution) for machine in machines for execution in machine.running()]


def _drop(deployment: Deployment, old: "IndexTarget", writers: list[tuple[Any, str]]) -> None:
    """Drop a collection once the queries and the ingestions that had begun with it are done."""
    from rag.adapters.milvus_schema import drop_milvus_collection
    from rag.identity import collection_name
    from ragctl import wiring

    typer.echo("Waiting for the last who use the old collection.", err=True)
    time.sleep(_QUERIES_DONE_SECONDS)
    for machine, execution in writers:
        machine.finished(execution)
    credential = wiring.secret(deployment, "MilvusSecretName")
    drop_milvus_collection(credential, deployment.output("MilvusUri"), collection_name(old.model, old.dimensions))


def _as_object(target: "IndexTarget") -> dict[str, Any]:
    return {"model": target.model, "dimensions": target.dimensions, "host": target.host or None}


def _cost(spent: "Spent") -> str:
    from ragctl.load_report import dollars

    return dollars(spent.cost_usd)
