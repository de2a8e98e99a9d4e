"""PlanBatch state: cut a file of questions into parts of a batch each."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.s3_objects import S3Objects
from rag.batches.contracts import PlanBatchRequest
from rag.batches.planning import PlanBatch
from rag.batches.settings import BucketSettings
from rag.contract import to_state
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def plan_batch() -> PlanBatch:
    """Wire this function's adapters, once per execution environment."""
    bucket = BucketSettings.from_environment(os.environ).bucket
    return PlanBatch(S3Objects(bucket), bucket)


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = plan_batch()(PlanBatchRequest.parse(event))
    count(batch_parts=response.parts)
    logger.info("planned", extra={"questions": response.questions, "parts": response.parts})
    return to_state(response)
