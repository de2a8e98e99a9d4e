"""Read state: take the documents' turns, fetch them, make text of them, and tell which state goes on."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.s3_objects import S3Objects
from rag.clock import now
from rag.contract import to_state
from rag.documents.isolation import IsolatedExtractor
from rag.ingestion.contracts import ReadRequest
from rag.ingestion.reading import ReadDocument
from rag.ingestion.settings import ReadSettings
from rag.telemetry import contained, count, logger, metrics, tracer

_AFTERWARDS_SECONDS: Final = 60.0  # of the function's time: to fetch, to stage and to store what was read

_extractor: Final = IsolatedExtractor()  # it starts nothing before its first document


@cache
def read_document() -> ReadDocument:
    """Wire this function's adapters, once per execution environment."""
    settings = ReadSettings.from_environment(os.environ)
    return ReadDocument(
        objects=S3Objects(settings.reading.bucket),
        registry=DynamoRegistry(settings.registry.table),
        files=DynamoRegistry(settings.registry.table, "file"),
        pointer=DynamoPointer(settings.registry.table, settings.registry.deployed),
        extractor=_extractor,
        settings=settings.reading,
        clock=now,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    _extractor.allot(context.get_remaining_time_in_millis() / 1_000 - _AFTERWARDS_SECONDS)
    response = read_document()(ReadRequest.parse(event))
    count(
        documents_read=response.documents,
        documents_unchanged=response.unchanged,
        documents_failed=response.failed,
        documents_superseded=response.superseded,
    )
    logger.info(
        "read",
        extra={
            "documents": response.documents,
            "unchanged": response.unchanged,
            "failed": response.failed,
            "superseded": response.superseded,
            "next": response.next,
        },
    )
    return to_state(response)
