"""ComposeItem state: write the prompt of one question of a batch."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.s3_objects import S3Objects
from rag.batches.answering import ComposeItem
from rag.batches.contracts import ComposeItemRequest
from rag.batches.settings import BucketSettings
from rag.composing import ComposePrompt
from rag.contract import to_state
from rag.settings import ComposeSettings
from rag.telemetry import contained, count, logger, metrics, tracer

BUCKET_SECONDS: Final = 5.0  # of a call: one question's passages


@cache
def compose_item() -> ComposeItem:
    """Wire this function's adapters, once per execution environment."""
    bucket = BucketSettings.from_environment(os.environ).bucket
    budget = ComposeSettings.from_environment(os.environ).token_budget
    return ComposeItem(
        S3Objects(bucket, timeout_seconds=BUCKET_SECONDS),
        ComposePrompt(token_budget=budget),
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = ComposeItemRequest.parse(event)
    composed = compose_item()(request)
    kept = len(composed.response.request.prompt.sources)
    count(passages_used=kept, passages_over_budget=composed.over_budget)
    logger.info("composed", extra={"index": request.item.index, "passages": kept})
    return to_state(composed.response)
