"""`rag index`: makes the vector index that a deployment needs, and drops one."""

import json
import os
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Final

import typer

from ragctl.deployment import Deployment
from ragctl.failure import Failure

if TYPE_CHECKING:
    from rag.ports import Credential

KEY_VARIABLE: Final = "PINECONE_API_KEY"
TOKEN_VARIABLE: Final = "MILVUS_TOKEN"  # noqa: S105 - the name of a variable
DEFAULT_MODEL: Final = "text-embedding-3-small"  # the template's defaults
DEFAULT_DIMENSIONS: Final = 1536

app = typer.Typer(no_args_is_help=True, rich_markup_mode="markdown")


class Store(StrEnum):
    """The vector stores."""

    pinecone = "pinecone"
    milvus = "milvus"


class Kind(StrEnum):
    """The kinds of a Pinecone index."""

    document = "document"
    vector = "vector"


@app.callback()
def index() -> None:
    """Create the vector index that a deployment needs, or drop one."""


@app.command()
def create(
    store: Annotated[Store | None, typer.Option(help="The vector store. Default: the stack's, or pinecone.")] = None,
    stack: Annotated[
        str | None, typer.Option(help="A deployed stack to take store, model, address and key from.")
    ] = None,
    model: Annotated[str | None, typer.Option(help=f"The embedding model. Default: {DEFAULT_MODEL}.")] = None,
    dimensions: Annotated[
        int | None, typer.Option(min=1, max=4096, help=f"Its dimensions. Default: {DEFAULT_DIMENSIONS}.")
    ] = None,
    kind: Annotated[
        Kind | None,
        typer.Option(
            help="Pinecone: a document index, which Pinecone itself searches by words, or a vector index. "
            "Default: the stack's, or document."
        ),
    ] = None,
    language: Annotated[
        str, typer.Option(help="Pinecone: language of the documents, for the word forms of a document index.")
    ] = "en",
    cloud: Annotated[str, typer.Option(help="Pinecone: cloud of the index.")] = "aws",
    region: Annotated[str, typer.Option(help="Pinecone: region of the index; best the functions' own.")] = "us-east-1",
    deletion_protection: Annotated[bool, typer.Option(help="Pinecone: refuse to delete the index.")] = True,
    uri: Annotated[str | None, typer.Option(help="Milvus: address of the cluster or Zilliz Cloud endpoint.")] = None,
    shards: Annotated[int, typer.Option(min=1, help="Milvus: shards; more of them take more writes.")] = 1,
    replicas: Annotated[int, typer.Option(min=1, help="Milvus: copies in memory; more of them answer more.")] = 1,
    partitions: Annotated[int, typer.Option(min=1, help="Milvus: partitions that tenants are spread over.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Create the index for one embedding model, unless it is there, and tell how to deploy with it.

    The index comes before the stack, since the stack needs its address:

    1. `PINECONE_API_KEY=... rag index create --region eu-west-1`

    2. `sam deploy --parameter-overrides PineconeHost=...` with the host that step 1 printed

    3. `rag ingest PATH --stack NAME`

    For Milvus: `rag index create --store milvus --uri https://...`, with MILVUS_TOKEN set to user:password or an API
    key, or without it where the server asks for none. With `--stack` both address and key come from the deployment.
    An index made with `--kind vector` is deployed with `PineconeIndexKind=vector`: the two kinds take different calls.
    Another embedding model needs another index: run this again with its `--model` and `--dimensions`.
    """
    from rag.errors import RagError

    deployment = Deployment.find(stack) if stack else None
    outputs = deployment.outputs if deployment else {}
    store = store or Store(outputs.get("VectorStore", Store.pinecone))
    model = model or outputs.get("EmbeddingModel", DEFAULT_MODEL)
    dimensions = dimensions or int(outputs.get("EmbeddingDimensions", DEFAULT_DIMENSIONS))
    try:
        if store is Store.pinecone:
            from rag.adapters.pinecone_index import create_pinecone_index, pinecone_index_name

            kind = kind or Kind(outputs.get("PineconeIndexKind", Kind.document))
            name = pinecone_index_name(model, dimensions, kind.value)
            key = _credential(deployment, "PineconeSecretName", KEY_VARIABLE)
            if key is None:
                raise Failure(f"Pinecone asks for a key: set {KEY_VARIABLE}, or name the deployment with --stack.")
            address = create_pinecone_index(
                key,
                name,
                dimensions,
                kind.value,
                cloud=cloud,
                region=region,
                language=language,
                deletion_protection=deletion_protection,
            )
        else:
            kind = None
            from rag.adapters.milvus_schema import create_milvus_collection
            from rag.identity import collection_name

            name = collection_name(model, dimensions)
            address = _milvus_address(uri, outputs)
            token = _credential(deployment, "MilvusSecretName", TOKEN_VARIABLE)
            create_milvus_collection(
                token, address, name, dimensions, shards=shards, replicas=replicas, partitions=partitions
            )
    except RagError as error:
        raise Failure(str(error)) from error
    parameter = "PineconeHost" if store is Store.pinecone else "MilvusUri"
    made = {"store": store.value, "name": name, "parameter": parameter, "value": address}
    of_its_kind = ""
    if kind is not None:
        made["kind"] = kind.value
        of_its_kind = "" if kind is Kind.document else f" PineconeIndexKind={kind.value}"
    typer.echo(json.dumps(made) if as_json else f"{name} is ready. Deploy with {parameter}={address}{of_its_kind}")


@app.command()
def drop(
    stack: Annotated[str | None, typer.Option(help="A deployed stack to take model, address and token from.")] = None,
    model: Annotated[str | None, typer.Option(help=f"The embedding model. Default: {DEFAULT_MODEL}.")] = None,
    dimensions: Annotated[
        int | None, typer.Option(min=1, max=4096, help=f"Its dimensions. Default: {DEFAULT_DIMENSIONS}.")
    ] = None,
    uri: Annotated[str | None, typer.Option(help="Address of the Milvus cluster or Zilliz Cloud endpoint.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask first.")] = False,
) -> None:
    """Drop the Milvus collection of one embedding model, with all that it holds.

    The documents stay in the bucket, and their vectors for a while in the cache. To make a collection anew, as one
    that holds the words of another version:

    1. `rag index drop --stack NAME`

    2. `rag index create --stack NAME`

    3. `rag doctor --fix --stack NAME`, which fills it; questions find nothing, or not everything, until it is done

    A Pinecone index is deleted in Pinecone's console, which knows whether it is protected.
    """
    from rag.errors import RagError

    deployment = Deployment.find(stack) if stack else None
    outputs = deployment.outputs if deployment else {}
    if outputs.get("VectorStore", Store.milvus) != Store.milvus:
        raise Failure("A Pinecone index is deleted in its console, or with its own tools.")
    address = _milvus_address(uri, outputs)
    try:
        from rag.adapters.milvus_schema import drop_milvus_collection
        from rag.identity import collection_name

        name = collection_name(
            model or outputs.get("EmbeddingModel", DEFAULT_MODEL),
            dimensions or int(outputs.get("EmbeddingDimensions", DEFAULT_DIMENSIONS)),
        )
        if not yes:
            typer.confirm(f"Drop {name} at {address} with all that it holds?", abort=True, err=True)
        there = drop_milvus_collection(_credential(deployment, "MilvusSecretName", TOKEN_VARIABLE), address, name)
    except RagError as error:
        raise Failure(str(error)) from error
    if not there:
        raise Failure(f"There is no collection {name} at {address}. Name its --model and --dimensions.")
    typer.echo(f"{name} is dropped.")


def _milvus_address(uri: str | None, outputs: Mapping[str, str]) -> str:
    address = uri or outputs.get("MilvusUri", "")
    if not address:
        raise Failure("Milvus needs its address: give --uri, or name the deployment with --stack.")
    if not address.startswith(("http://", "https://")):
        raise Failure(f"The address of Milvus must begin with http:// or https://, and {address!r} does not.")
    return address


def _credential(deployment: Deployment | None, output: str, variable: str) -> "Credential | None":
    """Return the key from the environment, else from the deployment's secret, if either is there."""
    key = os.environ.get(variable, "").strip()
    if key:
        return _FromEnvironment(key)
    if deployment is None or output not in deployment.outputs:
        return None
    from ragctl.wiring import secret

    return secret(deployment, output)


class _FromEnvironment:
    """A key that was read from the environment."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, *, fresh: bool = False) -> str:  # noqa: ARG002 - there is no fresher one
        return self._key
