"""Index state: write a batch of chunks into one collection."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.s3_objects import S3Objects
from rag.adapters.stores import collections
from rag.contract import to_state
from rag.ingestion.contracts import BatchRequest
from rag.ingestion.indexing import IndexChunks
from rag.ingestion.settings import IndexingSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def index_chunks() -> IndexChunks:
    """Wire this function's adapters, once per execution environment."""
    settings = IndexingSettings.from_environment(os.environ)
    return IndexChunks(
        objects=S3Objects(settings.bucket),
        registry=DynamoRegistry(settings.registry.table),
        index_of=collections(settings.index),
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = index_chunks()(BatchRequest.parse(event))
    count(chunks_indexed=response.chunks)
    logger.info("indexed", extra={"chunks": response.chunks})
    return to_state(response)
