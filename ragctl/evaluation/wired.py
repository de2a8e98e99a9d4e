"""A deployment's own retrieval, on this machine: the adapters and use cases that its functions run."""

from functools import partial

from rag.adapters.openai_embedder import OpenAIEmbedder
from rag.models import Principal
from rag.reranking import rerank
from ragctl import wiring
from ragctl.deployment import Deployment
from ragctl.evaluation.ranking import Ranker


def ranker(deployment: Deployment, tenant: str) -> Ranker:
    """Return what ranks a tenant's documents in the collection that is live.

    Raises:
        Failure: the deployment cannot be reached, or is of another version.
        RagError: the registry cannot be read.
    """
    target = wiring.pointer(deployment).read().live
    reranker = wiring.reranker(deployment)
    depth = int(deployment.output("RerankDepth"))
    return Ranker(
        retriever=wiring.retriever(deployment),
        embedder=OpenAIEmbedder(
            wiring.secret(deployment, "OpenAISecretName"),
            deployment.output("EmbeddingBaseUrl"),
            target.model,
            target.dimensions,
            wiring.EMBEDDING_DEADLINE_SECONDS,
        ),
        cache=wiring.cache_of(deployment),
        target=target,
        principal=Principal(tenant),
        reranked=None if reranker is None else partial(rerank, reranker, depth=depth),
    )


def count_documents(deployment: Deployment, tenant: str) -> int:
    """Return how many documents of a tenant readers may see."""
    return sum(bool(entry.live_version) for entry in wiring.registry(deployment).documents(tenant))
