"""Doctor: compare registry and index both ways, and raise a metric where they differ. It mends nothing by itself."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.stores import collections
from rag.clock import now
from rag.ingestion.examining import ExamineIndex
from rag.ingestion.settings import IndexingSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def examine_index() -> ExamineIndex:
    """Wire this function's adapters, once per execution environment."""
    settings = IndexingSettings.from_environment(os.environ)
    return ExamineIndex(
        registry=DynamoRegistry(settings.registry.table),
        files=DynamoRegistry(settings.registry.table, "file"),
        pointer=DynamoPointer(settings.registry.table, settings.registry.deployed),
        index_of=collections(settings.index),
        clock=now,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    found = examine_index()()
    count(
        index_orphans=found.orphans,
        index_missing=found.missing,
        documents_stuck=found.stuck,
        documents_unreaped=found.unreaped,
        index_discrepancies=found.discrepancies,
    )
    counts = {
        "tenants": found.tenants,
        "documents": found.documents,
        "chunks": found.chunks,
        "orphans": found.orphans,
        "missing": found.missing,
        "unfilled": found.unfilled,
        "stuck": found.stuck,
        "unreaped": found.unreaped,
    }
    logger.info("examined", extra=counts)
    return counts
