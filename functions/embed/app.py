"""Embed state: validate a request and turn its query into a vector, reusing a cached one when there is one."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_cache import DynamoEmbeddingCache
from rag.adapters.openai_embedder import OpenAIEmbedder
from rag.adapters.secrets import Secret
from rag.contract import to_state
from rag.contracts import EmbedRequest
from rag.embedding import EmbedQuery
from rag.settings import EmbedSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def embed_query() -> EmbedQuery:
    """Wire this function's adapters, once per execution environment."""
    settings = EmbedSettings.from_environment(os.environ)
    return EmbedQuery(
        embedder=OpenAIEmbedder(Secret(settings.openai_secret), settings.base_url, settings.model, settings.dimensions),
        cache=DynamoEmbeddingCache(
            settings.cache_table, settings.cache_ttl_days, on_failure=lambda: count(embedding_cache_failure=1)
        ),
        default_top_k=settings.default_top_k,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = embed_query()(EmbedRequest.parse(event))
    embedding = response.embedding
    count(
        embedding_cache_hit=int(embedding.cached),
        embedding_cache_miss=int(not embedding.cached),
        embedding_tokens=embedding.tokens,
        embedding_cost_usd=embedding.cost_usd,
    )
    logger.info("embedded", extra={"cached": embedding.cached, "tokens": embedding.tokens, "model": embedding.model})
    return to_state(response)
