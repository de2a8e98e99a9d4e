"""Search state: find the passages that answer the question, of those that its principal may read."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_registry import QUERY_TIMEOUT_SECONDS, DynamoRegistry
from rag.adapters.rerankers import reranker
from rag.adapters.stores import QUERY_DEADLINE_SECONDS, collections
from rag.contract import to_state
from rag.contracts import SearchRequest
from rag.retrieval import Retriever
from rag.search_settings import SearchSettings
from rag.searching import SearchVectors
from rag.telemetry import contained, count, logger, metrics, tracer

LEGS_SECONDS: Final = 6.5  # of the function's 14: pruned mode's cosines take 4 more at most, the reranker 3


@cache
def search_vectors() -> SearchVectors:
    """Wire this function's adapters, once per execution environment."""
    settings = SearchSettings.from_environment(os.environ)
    return SearchVectors(
        retriever=Retriever(
            index_of=collections(settings.index, QUERY_DEADLINE_SECONDS),
            live=DynamoRegistry(settings.registry_table, timeout_seconds=QUERY_TIMEOUT_SECONDS),
            tuning_of=settings.tuning.tuning_of,
            seconds=LEGS_SECONDS,
            on_searched=lambda milliseconds: count(vector_store_milliseconds=milliseconds),
        ),
        reranker=reranker(settings.rerank),
        rerank_depth=settings.rerank.depth if settings.rerank else 0,
        diversity=settings.passages.diversity,
        merged_tokens=settings.passages.merged_tokens,
        drop_suspicious=settings.passages.drop_suspicious,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    request = SearchRequest.parse(event)
    searched = search_vectors()(request)
    response = searched.response
    count(
        passages_found=len(response.passages),
        passages_dropped=searched.found.dropped,
        passages_collapsed=searched.found.collapsed,
        passages_suspicious=sum(passage.suspicious for passage in response.passages),
        passages_distrusted=searched.found.distrusted,
        nothing_relevant=int(not response.relevant),
        rerank_failed=int(searched.found.rerank_failure is not None),
    )
    logger.info(
        "searched",
        extra={
            "mode": request.request.mode,
            "passages": len(response.passages),
            "dropped": searched.found.dropped,
            "collapsed": searched.found.collapsed,
            "distrusted": searched.found.distrusted,
            "relevant": response.relevant,
            "rerank_failure": searched.found.rerank_failure,
        },
    )
    return to_state(response)
