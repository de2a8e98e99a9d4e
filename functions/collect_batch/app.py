"""CollectBatch state: put the results of a batch together, in the order asked."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.s3_objects import S3Objects
from rag.batches.collecting import CollectBatch
from rag.batches.contracts import CollectBatchRequest
from rag.batches.settings import BucketSettings
from rag.contract import to_state
from rag.telemetry import contained, count, logger, metrics, tracer

BUCKET_SECONDS: Final = 10.0  # of a call: the results are a few MB


@cache
def collect_batch() -> CollectBatch:
    """Wire this function's adapters, once per execution environment."""
    bucket = BucketSettings.from_environment(os.environ).bucket
    return CollectBatch(S3Objects(bucket, timeout_seconds=BUCKET_SECONDS), bucket)


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    collected = collect_batch()(CollectBatchRequest.parse(event))
    output = collected.output
    count(
        batch_questions_answered=output.answered,
        batch_questions_failed=output.failed,
        batch_not_cleared=int(not collected.cleared),
    )
    logger.info(
        "collected",
        extra={"answered": output.answered, "failed_questions": output.failed, "cleared": collected.cleared},
    )
    return to_state(output)
