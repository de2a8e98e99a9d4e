"""GET /v1/batches/{id}/results: hand out an address to fetch a batch's results from."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_principals import DynamoPrincipals
from rag.adapters.s3_downloads import S3Downloads
from rag.adapters.s3_objects import S3Objects
from rag.adapters.step_functions import StepFunctionsExecutions
from rag.http.callers import IdentifyCaller
from rag.http.endpoint import Endpoint
from rag.http.exchange import HttpResponse
from rag.http.results import ShowResults
from rag.http.settings import ResultsSettings
from rag.http.telemetry import answered
from rag.telemetry import logger, metrics, tracer

BUCKET_SECONDS: Final = 5.0  # of a call: it looks for one object


@cache
def show_results() -> Endpoint:
    """Wire this function's adapters, once per execution environment."""
    settings = ResultsSettings.from_environment(os.environ)
    return Endpoint(
        IdentifyCaller(settings.callers.authorization, DynamoPrincipals(settings.callers.principals_table)),
        ShowResults(
            batches=StepFunctionsExecutions(settings.state_machine),
            objects=S3Objects(settings.bucket, timeout_seconds=BUCKET_SECONDS),
            downloads=S3Downloads(settings.bucket),
        ),
    )


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@answered
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> HttpResponse:
    return show_results()(event)
