"""Generate state: have the chat model answer, and resolve its citations."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.openai_chat import chat_model
from rag.contract import to_state
from rag.contracts import GenerateRequest
from rag.generating import GenerateResponse
from rag.settings import GenerateSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def generate_response() -> GenerateResponse:
    """Wire this function's adapters, once per execution environment."""
    settings = GenerateSettings.from_environment(os.environ)
    return GenerateResponse(chat=chat_model(settings), model=settings.model, base_url=settings.base_url)


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    generated = generate_response()(GenerateRequest.parse(event))
    answer, usage = generated.answer, generated.answer.usage
    count(**generated.counts)
    logger.info(
        "generated",
        extra={
            "answered": answer.answered,
            "reason_not_answered": answer.reason,
            "citations": len(answer.citations),
            "removed_markers": generated.removed_markers,
            "removed_links": generated.removed_links,
            "prompt_tokens": usage.prompt_tokens,
            "completion_tokens": usage.completion_tokens,
            "cost_usd": usage.cost_usd,
        },
    )
    return to_state(answer)
