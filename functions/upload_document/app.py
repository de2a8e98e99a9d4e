"""POST /v1/documents: hand out a form to upload one document, or one sidecar, with."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_principals import DynamoPrincipals
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.s3_uploads import S3Uploads
from rag.http.callers import IdentifyCaller
from rag.http.changing import Grants, UploadDocument
from rag.http.endpoint import Endpoint
from rag.http.exchange import HttpResponse
from rag.http.settings import UploadSettings
from rag.http.telemetry import answered
from rag.telemetry import logger, metrics, tracer


@cache
def upload_document() -> Endpoint:
    """Wire this function's adapters, once per execution environment."""
    settings = UploadSettings.from_environment(os.environ)
    callers, table = settings.documents.callers, settings.documents.registry_table
    return Endpoint(
        IdentifyCaller(callers.authorization, DynamoPrincipals(callers.principals_table)),
        UploadDocument(
            grants=Grants(DynamoRegistry(table), DynamoRegistry(table, "file")),
            uploads=S3Uploads(settings.bucket),
            max_bytes=settings.max_document_bytes,
        ),
    )


@logger.inject_lambda_context(correlation_id_path="requestContext.requestId", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@answered
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> HttpResponse:
    return upload_document()(event)
