"""POST /v1/executions: start an execution of the query machine, once for each idempotency key."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.asking import asking
from rag.http.asking import StartExecution, question_of
from rag.http.endpoint import Endpoint
from rag.http.exchange import HttpResponse
from rag.http.settings import AskingSettings
from rag.http.telemetry import answered
from rag.telemetry import logger, metrics, tracer


@cache
def start_execution() -> Endpoint:
    """Wire this function's adapters, once per execution environment."""
    return asking(AskingSettings.from_environment(os.environ), StartExecution, question_of)


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@answered
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> HttpResponse:
    return start_execution()(event)
