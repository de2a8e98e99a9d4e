"""Embed state: validate a request and turn its question into vectors, reusing cached ones where there are."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.dynamodb_cache import DynamoEmbeddingCache
from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_table import QUERY_TIMEOUT_SECONDS
from rag.adapters.openai_embedder import OpenAIEmbedder
from rag.adapters.remembered_pointer import RememberedPointer
from rag.adapters.secrets import Secret
from rag.contract import to_state
from rag.contracts import EmbedRequest
from rag.embedding import EmbedQuery
from rag.index_pointer import IndexTarget
from rag.ports import Embedder
from rag.settings import EmbedSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def embed_query() -> EmbedQuery:
    """Wire this function's adapters, once per execution environment."""
    settings = EmbedSettings.from_environment(os.environ)
    openai_key = Secret(settings.embedder.openai_secret)

    @cache
    def embedder_of(target: IndexTarget) -> Embedder:
        return OpenAIEmbedder(openai_key, settings.embedder.base_url, target.model, target.dimensions)

    registry = settings.registry
    pointer = DynamoPointer(registry.table, registry.deployed, timeout_seconds=QUERY_TIMEOUT_SECONDS)
    return EmbedQuery(
        pointer=RememberedPointer(pointer),
        embedder_of=embedder_of,
        cache=DynamoEmbeddingCache(
            settings.cache.table, settings.cache.ttl_days, on_failure=lambda: count(embedding_cache_failure=1)
        ),
        default_top_k=settings.default_top_k,
        default_mode=settings.default_mode,
    )


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    outcome = embed_query()(EmbedRequest.parse(event))
    response = outcome.response
    spent, embedded = response.spent, bool(response.embedding.vectors)
    count(
        embedding_cache_hit=int(embedded and spent.cached_embedding),
        embedding_cache_miss=int(embedded and not spent.cached_embedding),
        embedding_tokens=spent.embedding_tokens,
        embedding_cost_usd=outcome.cost_usd,
    )
    logger.info(
        "embedded",
        extra={
            "mode": response.request.mode,
            "vectors": len(response.embedding.vectors),
            "cached": spent.cached_embedding,
            "tokens": spent.embedding_tokens,
            "model": response.embedding.target.model,
        },
    )
    return to_state(response)
