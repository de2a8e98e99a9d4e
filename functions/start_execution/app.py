"""POST /v1/executions: start an execution of the query machine, once for each idempotency key."""

import os
import time
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_counts import DynamoCounts
from rag.adapters.dynamodb_principals import DynamoPrincipals
from rag.adapters.step_functions import StepFunctionsExecutions
from rag.http.allowance import Allowance
from rag.http.asking import StartExecution, question_of
from rag.http.callers import IdentifyCaller
from rag.http.endpoint import Endpoint
from rag.http.exchange import HttpResponse
from rag.http.executions import StartOnce
from rag.http.settings import AskingSettings
from rag.http.telemetry import answered
from rag.telemetry import logger, metrics, tracer


@cache
def start_execution() -> Endpoint:
    """Wire this function's adapters, once per execution environment."""
    settings = AskingSettings.from_environment(os.environ)
    table = settings.callers.principals_table
    start = StartOnce(
        executions=StepFunctionsExecutions(settings.state_machine),
        allowance=Allowance(DynamoCounts(table), settings.questions_per_day, time.time),
        body_of=question_of,
    )
    return Endpoint(IdentifyCaller(settings.callers.authorization, DynamoPrincipals(table)), StartExecution(start))


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@answered
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> HttpResponse:
    return start_execution()(event)
