"""Copy state: stage the live versions' chunks, to be embedded with the next collection's model."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.s3_objects import S3Objects
from rag.adapters.stores import collections
from rag.contract import to_state
from rag.ingestion.contracts import WorkRequest
from rag.ingestion.copying import CopyChunks
from rag.ingestion.settings import IndexingSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def copy_chunks() -> CopyChunks:
    """Wire this function's adapters, once per execution environment."""
    settings = IndexingSettings.from_environment(os.environ)
    return CopyChunks(
        objects=S3Objects(settings.bucket),
        registry=DynamoRegistry(settings.registry.table),
        pointer=DynamoPointer(settings.registry.table, settings.registry.deployed),
        index_of=collections(settings.index),
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = copy_chunks()(WorkRequest.parse(event))
    count(chunks_copied=response.chunks)
    logger.info("copied", extra={"chunks": response.chunks, "batches": len(response.batches)})
    return to_state(response)
