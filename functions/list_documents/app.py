"""GET /v1/documents: list the documents that the caller may see, a page at a time."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_catalogue import DynamoCatalogue
from rag.adapters.dynamodb_principals import DynamoPrincipals
from rag.http.callers import IdentifyCaller
from rag.http.documents import ListDocuments
from rag.http.endpoint import Endpoint
from rag.http.exchange import HttpResponse
from rag.http.settings import DocumentSettings
from rag.http.telemetry import answered
from rag.telemetry import logger, metrics, tracer


@cache
def list_documents() -> Endpoint:
    """Wire this function's adapters, once per execution environment."""
    settings = DocumentSettings.from_environment(os.environ)
    return Endpoint(
        IdentifyCaller(settings.callers.authorization, DynamoPrincipals(settings.callers.principals_table)),
        ListDocuments(DynamoCatalogue(settings.registry_table)),
    )


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@answered
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> HttpResponse:
    return list_documents()(event)
