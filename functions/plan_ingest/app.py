"""Plan state: pack the documents of a run into items, and list these in the bucket."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.s3_objects import S3Objects
from rag.clock import now
from rag.contract import to_state
from rag.ingestion.contracts import PlanRequest
from rag.ingestion.planning import PlanIngest
from rag.ingestion.settings import PlanSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def plan_ingest() -> PlanIngest:
    """Wire this function's adapters, once per execution environment."""
    settings = PlanSettings.from_environment(os.environ)
    return PlanIngest(
        objects=S3Objects(settings.bucket),
        registry=DynamoRegistry(settings.registry_table),
        files=DynamoRegistry(settings.registry_table, "file"),
        bucket=settings.bucket,
        clock=now,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = plan_ingest()(PlanRequest.parse(event))
    count(items_planned=response.items)
    logger.info("planned", extra={"items": response.items})
    return to_state(response)
