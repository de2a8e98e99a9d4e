"""Compose state: write the prompt from the query and its passages."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.composing import ComposePrompt
from rag.contract import to_state
from rag.contracts import ComposeRequest
from rag.settings import ComposeSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def compose_prompt() -> ComposePrompt:
    """Wire this function, once per execution environment."""
    return ComposePrompt(token_budget=ComposeSettings.from_environment(os.environ).token_budget)


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = ComposeRequest.parse(event)
    response = compose_prompt()(request)
    kept = len(response.prompt.sources)
    count(passages_used=kept, passages_over_budget=len(request.passages) - kept)
    logger.info("composed", extra={"passages": kept, "characters": len(response.prompt.user)})
    return to_state(response)
