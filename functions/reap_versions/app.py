"""Reap state: delete what the index still holds of versions that nobody needs."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_cache import INGESTION_TIMEOUT_SECONDS, DynamoEmbeddingCache
from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.s3_objects import S3Objects
from rag.adapters.stores import collections
from rag.contract import to_state
from rag.ingestion.contracts import WorkRequest
from rag.ingestion.reaping import ReapVersions
from rag.ingestion.settings import ForgettingSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def reap_versions() -> ReapVersions:
    """Wire this function's adapters, once per execution environment."""
    settings = ForgettingSettings.from_environment(os.environ)
    registry = settings.indexing.registry
    return ReapVersions(
        objects=S3Objects(settings.indexing.bucket),
        registry=DynamoRegistry(registry.table),
        pointer=DynamoPointer(registry.table, registry.deployed),
        index_of=collections(settings.indexing.index),
        cache=DynamoEmbeddingCache(
            settings.cache.table, settings.cache.ttl_days, timeout_seconds=INGESTION_TIMEOUT_SECONDS
        ),
        endpoint=settings.embedder.base_url,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = reap_versions()(WorkRequest.parse(event))
    count(documents_reaped=response.documents)
    logger.info("reaped", extra={"documents": response.documents})
    return to_state(response)
