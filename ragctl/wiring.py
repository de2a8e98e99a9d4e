"""The adapters that the functions use, made from a deployment's outputs for use on this machine."""

from collections.abc import Callable
from functools import cache
from typing import Final, Literal

from rag.adapters.dynamodb_cache import INGESTION_TIMEOUT_SECONDS, DynamoEmbeddingCache
from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.openai_embedder import OpenAIEmbedder
from rag.adapters.s3_objects import S3Objects
from rag.adapters.secrets import Secret
from rag.identity import collection_name
from rag.index_pointer import IndexTarget
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


def registry(deployment: Deployment, family: Literal["document", "file"] = "document") -> DynamoRegistry:
    """Return the deployment's registry: of documents, or of the files that hold several."""
    return DynamoRegistry(deployment.output("RegistryTableName"), family, client=deployment.client("dynamodb"))


def objects(deployment: Deployment) -> S3Objects:
    """Return the deployment's bucket."""
    return S3Objects(deployment.output("DocumentsBucketName"), client=deployment.client("s3"))


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


def pointer(deployment: Deployment) -> DynamoPointer:
    """Return what remembers which of the deployment's collections is live."""
    deployed = IndexTarget(
        model=deployment.output("EmbeddingModel"), dimensions=int(deployment.output("EmbeddingDimensions"))
    )
    return DynamoPointer(deployment.output("RegistryTableName"), deployed, client=deployment.client("dynamodb"))


def index_of(deployment: Deployment) -> Callable[[IndexTarget], ChunkIndex]:
    """Return what opens each of the deployment's collections once."""
    pinecone = deployment.output("VectorStore") == "pinecone"
    credential = secret(deployment, "PineconeSecretName" if pinecone else "MilvusSecretName")
    address = deployment.output("PineconeHost" if pinecone else "MilvusUri")

    @cache
    def opened(target: IndexTarget) -> ChunkIndex:
        if pinecone:
            from rag.adapters.pinecone_store import PineconeStore

            return PineconeStore(credential, target.host or address, target.dimensions, INDEX_DEADLINE_SECONDS)
        from rag.adapters.milvus_store import MilvusStore

        name = collection_name(target.model, target.dimensions)
        return MilvusStore(credential, address, name, target.dimensions, INDEX_DEADLINE_SECONDS)

    return opened


def cache_of(deployment: Deployment) -> DynamoEmbeddingCache:
    """Return the deployment's cache of embeddings."""
    return DynamoEmbeddingCache(
        deployment.output("EmbeddingCacheTableName"),
        int(deployment.output("CacheTtlDays")),
        timeout_seconds=INGESTION_TIMEOUT_SECONDS,
        client=deployment.client("dynamodb"),
    )
