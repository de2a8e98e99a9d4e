"""Search state: find the passages nearest to the query's vector that its principal may read."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_registry import QUERY_TIMEOUT_SECONDS, DynamoRegistry
from rag.adapters.stores import QUERY_DEADLINE_SECONDS, collections
from rag.contract import to_state
from rag.contracts import SearchRequest
from rag.searching import SearchVectors
from rag.settings import SearchSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def search_vectors() -> SearchVectors:
    """Wire this function's adapters, once per execution environment."""
    settings = SearchSettings.from_environment(os.environ)
    return SearchVectors(
        index_of=collections(settings.index, QUERY_DEADLINE_SECONDS),
        live=DynamoRegistry(settings.registry_table, timeout_seconds=QUERY_TIMEOUT_SECONDS),
        relevance_threshold=settings.relevance_threshold,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    searched = search_vectors()(SearchRequest.parse(event))
    response = searched.response
    count(
        passages_found=len(response.passages),
        passages_dropped=searched.dropped,
        nothing_relevant=int(not response.relevant),
    )
    logger.info(
        "searched",
        extra={"passages": len(response.passages), "dropped": searched.dropped, "relevant": response.relevant},
    )
    return to_state(response)
