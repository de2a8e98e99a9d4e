"""Rewrite state: turn a follow-up into a question by itself, and put a question in other words."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.openai_chat import chat_model
from rag.contract import to_state
from rag.contracts import RewriteRequest
from rag.rewriting import RewriteQuestion
from rag.settings import GenerateSettings
from rag.telemetry import contained, count, logger, metrics, tracer

DEADLINE_SECONDS = 4.0


@cache
def rewrite_question() -> RewriteQuestion:
    """Wire this function's adapters, once per execution environment."""
    settings = GenerateSettings.from_environment(os.environ)
    chat = chat_model(settings, DEADLINE_SECONDS)
    return RewriteQuestion(chat=chat, model=settings.model, base_url=settings.base_url)


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    rewriting = rewrite_question()(RewriteRequest.parse(event))
    count(
        rewriting_phrasings=len(rewriting.phrasings),
        rewriting_prompt_tokens=rewriting.prompt_tokens,
        rewriting_completion_tokens=rewriting.completion_tokens,
        rewriting_cost_usd=rewriting.cost_usd,
    )
    logger.info(
        "rewritten",
        extra={
            "phrasings": len(rewriting.phrasings),
            "prompt_tokens": rewriting.prompt_tokens,
            "completion_tokens": rewriting.completion_tokens,
        },
    )
    return to_state(rewriting)
