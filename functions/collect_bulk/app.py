"""CollectBulk state: join the results of all parts, in the order of the file."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.s3_objects import S3Objects
from rag.batches.contracts import CollectBulkRequest
from rag.batches.joining import CollectBulk
from rag.batches.settings import BucketSettings
from rag.contract import to_state
from rag.telemetry import contained, logger, metrics, tracer


@cache
def collect_bulk() -> CollectBulk:
    """Wire this function's adapters, once per execution environment."""
    bucket = BucketSettings.from_environment(os.environ).bucket
    return CollectBulk(S3Objects(bucket), bucket)


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    output = collect_bulk()(CollectBulkRequest.parse(event))
    logger.info("collected", extra={"answered": output.answered, "failed_questions": output.failed})
    return to_state(output)
