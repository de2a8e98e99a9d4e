"""The Milvus collection: its fields, its indexes, and how it is made."""

import json
from typing import Any, Final

from pymilvus import CollectionSchema, DataType, Function, FunctionType, MilvusClient
from pymilvus.milvus_client.index import IndexParams

from rag import words
from rag.adapters.milvus_connection import MilvusConnection
from rag.adapters.milvus_rows import MAX_BYTES, MAX_READERS, MAX_VARCHAR
from rag.errors import IndexUnavailable
from rag.ports import Credential

_CREATION_SECONDS: Final = 120.0  # loading replicas onto query nodes takes its time
_MAX_GROUP_BYTES: Final = 64
_WORDS: Final = "search_text"
_ANEW: Final = "rag index drop, rag index create, rag doctor --fix"

# `rag.words` makes the words, since Milvus Lite does not stem. They hold letters and digits alone: what this tokenizer,
# the one that Lite and a cluster have in common, leaves as it is. The stop word, which is no word, tells their version:
# of all that a schema can be told, Lite keeps no description.
_ANALYZER: Final = {
    "tokenizer": "standard",
    "filter": [{"type": "stop", "stop_words": [f"words-{words.VERSION}"]}],
}


def create_milvus_collection(
    credential: Credential | None,
    uri: str,
    collection: str,
    dimensions: int,
    *,
    shards: int = 1,
    replicas: int = 1,
    partitions: int = 16,
) -> bool:
    """Make the collection and load it; return whether it was missing.

    `shards` spread writes, `replicas` copies serve more queries side by side, `partitions` separate tenants.

    Raises:
        IndexUnavailable: a collection of this name was made otherwise.
        TransientError, PermanentError: as Milvus does.
    """
    connection = MilvusConnection(credential, uri, collection, _CREATION_SECONDS)

    def create(client: MilvusClient) -> bool:
        missing = not client.has_collection(collection, retry_times=0)
        if missing:
            client.create_collection(
                collection,
                schema=collection_schema(dimensions),
                num_shards=shards,
                num_partitions=partitions,
                properties={"collection.replica.number": replicas},  # for loads to come, which need not know
                retry_times=0,
            )
        else:
            verify(client, collection, dimensions)
        _add_indexes(client, collection)  # again when it exists: an earlier attempt may have ended in between
        client.load_collection(collection, replica_number=replicas, retry_times=0)
        return missing

    try:
        return connection.run(create)
    finally:
        connection.close()


def drop_milvus_collection(credential: Credential | None, uri: str, collection: str) -> bool:
    """Drop the collection with all that it holds; return whether it was there.

    Raises:
        TransientError, PermanentError: as Milvus does.
    """
    connection = MilvusConnection(credential, uri, collection, _CREATION_SECONDS)

    def drop(client: MilvusClient) -> bool:
        there = bool(client.has_collection(collection, retry_times=0))
        client.drop_collection(collection, retry_times=0)
        return there

    try:
        return connection.run(drop)
    finally:
        connection.close()


def holds_other_words(credential: Credential | None, uri: str, collection: str, dimensions: int) -> bool:
    """Tell whether the collection is there, and differs from what is made today by its words alone.

    Raises:
        TransientError, PermanentError: as Milvus does.
    """
    connection = MilvusConnection(credential, uri, collection, _CREATION_SECONDS)

    def compare(client: MilvusClient) -> bool:
        there = client.has_collection(collection, retry_times=0)
        return bool(there) and _differing(client, collection, dimensions) == [_WORDS]

    try:
        return connection.run(compare)
    finally:
        connection.close()


def verify(client: MilvusClient, collection: str, dimensions: int) -> None:
    """Check that the collection is one that `create_milvus_collection` makes.

    Raises:
        IndexUnavailable: it is not; the message names a field that differs, and tells what to do.
    """
    differing = _differing(client, collection, dimensions)
    if differing == [_WORDS]:
        raise IndexUnavailable(
            f"The Milvus collection {collection} holds words of another version (field {_WORDS}). Make it anew and "
            f"fill it from the bucket: {_ANEW}."
        )
    if differing:
        raise IndexUnavailable(
            f"The Milvus collection {collection} was made for other vectors or by another version "
            f"(field {differing[0]}). Unless it is of use to someone else, make it anew: {_ANEW}."
        )


def _differing(client: MilvusClient, collection: str, dimensions: int) -> list[str]:
    """Return the names of the fields that the collection lacks or has otherwise."""
    found = {field["name"]: field for field in client.describe_collection(collection, retry_times=0)["fields"]}
    wanted = collection_schema(dimensions).to_dict()["fields"]
    return [field["name"] for field in wanted if _shape(field) != _shape(found.get(field["name"], {}))]


def collection_schema(dimensions: int) -> CollectionSchema:
    """Return the fields; metadata is one, as Milvus Lite merges dynamic fields where Milvus replaces them."""
    schema = MilvusClient.create_schema(enable_dynamic_field=False)
    schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=MAX_BYTES["id"])
    schema.add_field("tenant", DataType.VARCHAR, is_partition_key=True, max_length=MAX_BYTES["tenant"])
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimensions)
    for name in ("document_id", "version", "title", "source", "heading", "text"):
        schema.add_field(name, DataType.VARCHAR, max_length=MAX_BYTES[name])
    for name in ("ordinal", "tokens", "start", "end"):
        schema.add_field(name, DataType.INT64)
    schema.add_field("page", DataType.INT64, nullable=True)
    schema.add_field(
        "readers",
        DataType.ARRAY,
        element_type=DataType.VARCHAR,
        max_capacity=MAX_READERS,
        max_length=_MAX_GROUP_BYTES,
    )
    schema.add_field("open_to_tenant", DataType.BOOL)
    schema.add_field("meta", DataType.JSON)
    schema.add_field(
        _WORDS,
        DataType.VARCHAR,
        max_length=MAX_VARCHAR,
        enable_analyzer=True,
        analyzer_params=_ANALYZER,
    )
    schema.add_field("search_terms", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_function(
        Function(
            name="bm25",
            function_type=FunctionType.BM25,
            input_field_names=[_WORDS],
            output_field_names=["search_terms"],
        )
    )
    return schema


def _add_indexes(client: MilvusClient, collection: str) -> None:
    indexes = IndexParams()
    indexes.add_index("vector", index_type=_vector_index(client), metric_type="COSINE")
    indexes.add_index("search_terms", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
    for name in ("tenant", "document_id", "open_to_tenant"):
        indexes.add_index(name, index_type="INVERTED")
    present = set(client.list_indexes(collection, retry_times=0))
    for index in indexes:
        if index.field_name not in present:
            # Loading waits for the indexes; waiting for each would add half a second apiece.
            client.create_index(collection, IndexParams([index]), sync=False, retry_times=0)


def _vector_index(client: MilvusClient) -> str:
    """Return AUTOINDEX, which is HNSW in Milvus and the only choice in Zilliz Cloud, but exact search in Milvus Lite.

    There the graph loses passages among filtered, equal vectors, and comparing them all is as fast at its sizes.
    """
    return "FLAT" if client.get_server_version(retry_times=0).startswith("milvus_lite") else "AUTOINDEX"


def _shape(field: dict[str, Any]) -> tuple[Any, ...]:
    """Return what two fields must share: type, primary or partition key, dimensions, and the words of a text."""
    params = field.get("params", {})
    analyzer = params.get("analyzer_params")
    return (
        field.get("type"),
        bool(field.get("is_primary")),
        bool(field.get("is_partition_key")),
        params.get("dim"),
        json.loads(analyzer) if isinstance(analyzer, str) else analyzer,
    )
