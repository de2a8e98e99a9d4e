"""DELETE /v1/documents/{document_id}: have a document deleted that the caller may read and change."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_principals import DynamoPrincipals
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.step_functions import StepFunctionsExecutions
from rag.http.callers import IdentifyCaller
from rag.http.changing import DeleteDocument, Grants
from rag.http.endpoint import Endpoint
from rag.http.exchange import HttpResponse
from rag.http.settings import DeletionSettings
from rag.http.telemetry import answered
from rag.telemetry import logger, metrics, tracer


@cache
def delete_document() -> Endpoint:
    """Wire this function's adapters, once per execution environment."""
    settings = DeletionSettings.from_environment(os.environ)
    callers, table = settings.documents.callers, settings.documents.registry_table
    return Endpoint(
        IdentifyCaller(callers.authorization, DynamoPrincipals(callers.principals_table)),
        DeleteDocument(
            grants=Grants(DynamoRegistry(table), DynamoRegistry(table, "file")),
            ingestions=StepFunctionsExecutions(settings.ingest_machine),
        ),
    )


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@answered
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> HttpResponse:
    return delete_document()(event)
