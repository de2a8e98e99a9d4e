"""SearchBatch state: find the passages that answer each question of a batch, all of them in one search per leg."""

import os
from dataclasses import replace
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.rerankers import reranker
from rag.adapters.s3_objects import S3Objects
from rag.adapters.stores import collections
from rag.batches.contracts import SearchBatchRequest
from rag.batches.reranking import CALL_SECONDS
from rag.batches.searching import SearchBatch
from rag.batches.settings import BucketSettings
from rag.contract import to_state
from rag.retrieval import Retriever
from rag.search_settings import SearchSettings
from rag.searching import SearchVectors
from rag.telemetry import contained, count, logger, metrics, tracer
from rag.variables import Variables

SEARCH_DEADLINE_SECONDS: Final = 30.0  # a request holds up to a hundred questions
BUCKET_SECONDS: Final = 20.0  # of a call: their passages are 15 MB at most


@cache
def search_batch() -> SearchBatch:
    """Wire this function's adapters, once per execution environment."""
    bucket = BucketSettings.from_environment(os.environ).bucket
    search = SearchSettings.from_environment(os.environ)
    rerank = search.rerank
    return SearchBatch(
        objects=S3Objects(bucket, timeout_seconds=BUCKET_SECONDS),
        search=SearchVectors(
            retriever=Retriever(
                index_of=collections(search.index, SEARCH_DEADLINE_SECONDS),
                live=DynamoRegistry(search.registry_table),
                tuning_of=search.tuning.tuning_of,
            ),
            reranker=reranker(replace(rerank, seconds=CALL_SECONDS)) if rerank else None,
            rerank_depth=rerank.depth if rerank else 0,
            diversity=search.passages.diversity,
            merged_tokens=search.passages.merged_tokens,
            drop_suspicious=search.passages.drop_suspicious,
        ),
        model=Variables(os.environ).text("CHAT_MODEL"),
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = search_batch()(SearchBatchRequest.parse(event))
    count(
        passages_found=response.passages,
        passages_dropped=response.dropped,
        passages_collapsed=response.collapsed,
        passages_suspicious=response.suspicious,
        passages_distrusted=response.distrusted,
        nothing_relevant=response.refused,
        rerank_failed=response.rerank_failed,
    )
    logger.info(
        "searched",
        extra={
            "questions": len(response.items) + response.refused,
            "passages": response.passages,
            "dropped": response.dropped,
            "collapsed": response.collapsed,
            "distrusted": response.distrusted,
            "nothing_relevant": response.refused,
            "rerank_failed": response.rerank_failed,
            "rerank_failures": response.rerank_failures,
        },
    )
    return to_state(response)
