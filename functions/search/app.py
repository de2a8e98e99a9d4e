"""Search state: find the passages nearest to the query's vector that its principal may read."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from rag.adapters.secrets import Secret
from rag.contract import to_state
from rag.contracts import SearchRequest
from rag.identity import collection_name
from rag.ports import PassageSearch
from rag.searching import SearchVectors
from rag.settings import SearchSettings
from rag.telemetry import contained, count, logger, metrics, tracer


@cache
def search_vectors() -> SearchVectors:
    """Wire this function's adapters, once per execution environment."""
    settings = SearchSettings.from_environment(os.environ)
    return SearchVectors(
        passages=_store(settings),
        dimensions=settings.dimensions,
        relevance_threshold=settings.relevance_threshold,
    )


def _store(settings: SearchSettings) -> PassageSearch:
    """Import one store's client: each costs a cold start, and Milvus's is in a layer that others do not have."""
    credential = Secret(settings.secret)
    if settings.vector_store == "milvus":
        from rag.adapters.milvus_store import MilvusStore

        collection = collection_name(settings.model, settings.dimensions)
        return MilvusStore(credential, settings.address, collection, settings.dimensions, deadline_seconds=4.0)
    from rag.adapters.pinecone_store import PineconeStore

    return PineconeStore(credential, settings.address, settings.dimensions, deadline_seconds=4.0)


@logger.inject_lambda_context(correlation_id_path="trace_id", clear_state=True)
@metrics.log_metrics(capture_cold_start_metric=True)
@tracer.capture_lambda_handler(capture_response=False, capture_error=False)
@contained
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    response = search_vectors()(SearchRequest.parse(event))
    count(passages_found=len(response.passages), nothing_relevant=int(not response.relevant))
    logger.info("searched", extra={"passages": len(response.passages), "relevant": response.relevant})
    return to_state(response)
