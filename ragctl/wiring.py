"""The adapters that the functions use, made from a deployment's outputs for use on this machine."""

from collections.abc import Callable
from typing import Final

from rag.adapters.dynamodb_cache import INGESTION_TIMEOUT_SECONDS, DynamoEmbeddingCache
from rag.adapters.openai_embedder import OpenAIEmbedder
from rag.adapters.secrets import Secret
from rag.identity import collection_name
from rag.ports import ChunkIndex
from ragctl.deployment import Deployment

EMBEDDING_DEADLINE_SECONDS: Final = 60.0  # a request of ingestion holds up to 2,048 texts
INDEX_DEADLINE_SECONDS: Final = 60.0


def secret(deployment: Deployment, output: str) -> Secret:
    """Return the secret whose name is the value of this output."""
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    return Secret(deployment.output(output), SecretsProvider(boto3_client=deployment.client("secretsmanager")))


def embedder(deployment: Deployment) -> OpenAIEmbedder:
    """Return the embedder of the deployment's embedding model."""
    return OpenAIEmbedder(
        secret(deployment, "OpenAISecretName"),
        deployment.output("EmbeddingBaseUrl"),
        deployment.output("EmbeddingModel"),
        int(deployment.output("EmbeddingDimensions")),
        EMBEDDING_DEADLINE_SECONDS,
    )


def embedding_cache(deployment: Deployment, on_failure: Callable[[], None] = lambda: None) -> DynamoEmbeddingCache:
    """Return the deployment's embedding cache."""
    client = deployment.client(
        "dynamodb",
        connect_timeout=INGESTION_TIMEOUT_SECONDS,
        read_timeout=INGESTION_TIMEOUT_SECONDS,
        retries={"total_max_attempts": 1},
    )
    return DynamoEmbeddingCache(
        deployment.output("EmbeddingCacheTableName"),
        int(deployment.output("CacheTtlDays")),
        client=client,
        on_failure=on_failure,
    )


def chunk_index(deployment: Deployment) -> ChunkIndex:
    """Return the deployment's vector store."""
    dimensions = int(deployment.output("EmbeddingDimensions"))
    if deployment.output("VectorStore") == "pinecone":
        from rag.adapters.pinecone_store import PineconeStore

        credential = secret(deployment, "PineconeSecretName")
        return PineconeStore(credential, deployment.output("PineconeHost"), dimensions, INDEX_DEADLINE_SECONDS)
    from rag.adapters.milvus_store import MilvusStore

    collection = collection_name(deployment.output("EmbeddingModel"), dimensions)
    credential = secret(deployment, "MilvusSecretName")
    return MilvusStore(credential, deployment.output("MilvusUri"), collection, dimensions, INDEX_DEADLINE_SECONDS)
