"""Embed state: turn a batch of chunks into vectors, reusing those that are known."""

import os
from functools import cache
from typing import Any, Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_cache import INGESTION_TIMEOUT_SECONDS, DynamoEmbeddingCache
from rag.adapters.openai_embedder import OpenAIEmbedder
from rag.adapters.s3_objects import S3Objects
from rag.adapters.secrets import Secret
from rag.contract import to_state
from rag.index_pointer import IndexTarget
from rag.ingestion.contracts import BatchRequest
from rag.ingestion.embedding import EmbedChunks
from rag.ingestion.settings import VectorSettings
from rag.ports import Embedder
from rag.telemetry import contained, count, logger, metrics, tracer

EMBEDDING_DEADLINE_SECONDS: Final = 60.0  # a request of ingestion holds up to 2,048 texts


@cache
def embed_chunks() -> EmbedChunks:
    """Wire this function's adapters, once per execution environment."""
    settings = VectorSettings.from_environment(os.environ)
    openai_key = Secret(settings.embedder.openai_secret)

    @cache
    def embedder_of(target: IndexTarget) -> Embedder:
        return OpenAIEmbedder(
            openai_key,
            settings.embedder.base_url,
            target.model,
            target.dimensions,
            deadline_seconds=EMBEDDING_DEADLINE_SECONDS,
        )

    return EmbedChunks(
        objects=S3Objects(settings.bucket),
        embedder_of=embedder_of,
        cache=DynamoEmbeddingCache(
            settings.cache.table,
            settings.cache.ttl_days,
            timeout_seconds=INGESTION_TIMEOUT_SECONDS,
            on_failure=lambda: count(embedding_cache_failure=1),
        ),
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = embed_chunks()(BatchRequest.parse(event))
    count(
        chunks_embedded=response.embedded,
        chunks_reused=response.reused,
        embedding_tokens=response.tokens,
        embedding_cost_usd=response.cost_usd,
    )
    logger.info("embedded", extra={"embedded": response.embedded, "reused": response.reused, "tokens": response.tokens})
    return to_state(response)
