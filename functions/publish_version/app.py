"""Publish state: make new versions live, once the index holds all of them."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.s3_objects import S3Objects
from rag.adapters.stores import collections
from rag.clock import now
from rag.contract import to_state
from rag.ingestion.contracts import WorkRequest
from rag.ingestion.publishing import PublishVersion
from rag.ingestion.settings import IndexingSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def publish_version() -> PublishVersion:
    """Wire this function's adapters, once per execution environment."""
    settings = IndexingSettings.from_environment(os.environ)
    return PublishVersion(
        objects=S3Objects(settings.bucket),
        registry=DynamoRegistry(settings.registry.table),
        pointer=DynamoPointer(settings.registry.table, settings.registry.deployed),
        index_of=collections(settings.index),
        clock=now,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = publish_version()(WorkRequest.parse(event))
    count(documents_ready=response.published, documents_superseded=response.superseded)
    logger.info(
        "published",
        extra={
            "documents": response.published,
            "superseded": response.superseded,
            "batches_to_index_again": len(response.batches),
        },
    )
    return to_state(response)
