"""EmbedBatch state: judge every question of a batch, and turn the valid ones into vectors in one request."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_cache import INGESTION_TIMEOUT_SECONDS, DynamoEmbeddingCache
from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.openai_embedder import OpenAIEmbedder
from rag.adapters.s3_objects import S3Objects
from rag.adapters.secrets import Secret
from rag.batches.contracts import EmbedBatchRequest
from rag.batches.embedding import EmbedBatch
from rag.batches.settings import BucketSettings
from rag.contract import to_state
from rag.index_pointer import IndexTarget
from rag.ports import Embedder
from rag.settings import EmbedSettings
from rag.telemetry import contained, count, logger, metrics, tracer

EMBEDDING_DEADLINE_SECONDS: Final = 60.0  # a request holds up to a hundred questions
BUCKET_SECONDS: Final = 20.0  # of a call: vectors are at most 1.2 MB


@cache
def embed_batch() -> EmbedBatch:
    """Wire this function's adapters, once per execution environment."""
    bucket = BucketSettings.from_environment(os.environ).bucket
    embed = EmbedSettings.from_environment(os.environ)
    openai_key = Secret(embed.embedder.openai_secret)

    @cache
    def embedder_of(target: IndexTarget) -> Embedder:
        return OpenAIEmbedder(
            openai_key,
            embed.embedder.base_url,
            target.model,
            target.dimensions,
            deadline_seconds=EMBEDDING_DEADLINE_SECONDS,
        )

    return EmbedBatch(
        objects=S3Objects(bucket, timeout_seconds=BUCKET_SECONDS),
        pointer=DynamoPointer(embed.registry.table, embed.registry.deployed),
        embedder_of=embedder_of,
        cache=DynamoEmbeddingCache(
            embed.cache.table,
            embed.cache.ttl_days,
            timeout_seconds=INGESTION_TIMEOUT_SECONDS,
            on_failure=lambda: count(embedding_cache_failure=1),
        ),
        default_top_k=embed.default_top_k,
        default_mode=embed.default_mode,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = embed_batch()(EmbedBatchRequest.parse(event))
    count(
        batch_questions=response.questions,
        batch_questions_malformed=response.malformed,
        batch_questions_unembedded=response.unembedded,
        embedding_cache_hit=response.reused,
        embedding_cache_miss=response.embedded,
        embedding_tokens=response.tokens,
        embedding_cost_usd=response.cost_usd,
    )
    logger.info(
        "embedded",
        extra={
            "questions": response.questions,
            "malformed": response.malformed,
            "unembedded": response.unembedded,
            "embedded": response.embedded,
            "reused": response.reused,
            "tokens": response.tokens,
        },
    )
    return to_state(response)
