"""Chunk state: cut the extracted documents, and stage their chunks in batches."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.s3_objects import S3Objects
from rag.chunking import Chunker
from rag.contract import to_state
from rag.ingestion.chunking import ChunkDocument
from rag.ingestion.contracts import WorkRequest
from rag.ingestion.settings import ChunkSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def chunk_document() -> ChunkDocument:
    """Wire this function's adapters, once per execution environment."""
    settings = ChunkSettings.from_environment(os.environ)
    return ChunkDocument(
        objects=S3Objects(settings.bucket),
        registry=DynamoRegistry(settings.registry.table),
        pointer=DynamoPointer(settings.registry.table, settings.registry.deployed),
        chunker=Chunker(settings.chunk_size, settings.chunk_overlap),
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = chunk_document()(WorkRequest.parse(event))
    count(chunks_made=response.chunks)
    logger.info("chunked", extra={"chunks": response.chunks, "batches": len(response.batches)})
    return to_state(response)
