"""GenerateItem state: have the chat model answer one question of a batch, and resolve its citations."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.openai_chat import chat_model
from rag.adapters.s3_objects import S3Objects
from rag.batches.answering import GenerateItem
from rag.batches.contracts import GenerateItemRequest, GenerateItemResponse
from rag.batches.settings import BucketSettings
from rag.contract import to_state
from rag.generating import GenerateResponse
from rag.settings import GenerateSettings
from rag.telemetry import contained, count, logger, metrics, tracer

BUCKET_SECONDS: Final = 3.0  # of each of three attempts to write one answer, beside the 18 that the model has


@cache
def generate_item() -> GenerateItem:
    """Wire this function's adapters, once per execution environment."""
    bucket = BucketSettings.from_environment(os.environ).bucket
    settings = GenerateSettings.from_environment(os.environ)
    use_case = GenerateResponse(chat=chat_model(settings), model=settings.model, base_url=settings.base_url)
    return GenerateItem(S3Objects(bucket, timeout_seconds=BUCKET_SECONDS), use_case)


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = GenerateItemRequest.parse(event)
    generated = generate_item()(request)
    answer = generated.answer
    count(**generated.counts)
    logger.info(
        "generated",
        extra={
            "index": request.index,
            "answered": answer.answered,
            "reason_not_answered": answer.reason,
            "citations": len(answer.citations),
            "removed_markers": generated.removed_markers,
            "removed_links": generated.removed_links,
            "cost_usd": answer.usage.cost_usd,
        },
    )
    return to_state(GenerateItemResponse(index=request.index))
