"""The adapters that the functions use, made from a deployment's outputs for use on this machine."""

from collections.abc import Callable
from typing import Final, Literal

from rag.adapters.dynamodb_cache import INGESTION_TIMEOUT_SECONDS, DynamoEmbeddingCache
from rag.adapters.dynamodb_pointer import DynamoPointer
from rag.adapters.dynamodb_principals import DynamoPrincipals
from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.adapters.openai_embedder import OpenAIEmbedder
from rag.adapters.s3_objects import S3Objects
from rag.adapters.secrets import Secret
from rag.adapters.stores import VectorStore, collections
from rag.index_pointer import IndexTarget
from rag.ports import Credential, Reranker
from rag.retrieval import Retriever
from rag.search_settings import tuning_overrides
from rag.settings import IndexSettings
from rag.variables import Variables
from ragctl.deployment import Deployment

EMBEDDING_DEADLINE_SECONDS: Final = 60.0  # a request of ingestion holds up to 2,048 texts
RERANK_DEADLINE_SECONDS: Final = 60.0  # a ranking is to be measured here, whatever time it takes


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


def principals(deployment: Deployment) -> DynamoPrincipals:
    """Return the table of callers that bring no claims to the deployment's API."""
    return DynamoPrincipals(
        deployment.output("PrincipalsTableName"),
        timeout_seconds=INGESTION_TIMEOUT_SECONDS,
        client=deployment.client("dynamodb"),
    )


def objects(deployment: Deployment) -> S3Objects:
    """Return the deployment's bucket."""
    return S3Objects(deployment.output("DocumentsBucketName"), client=deployment.client("s3"))


def reranker(deployment: Deployment) -> Reranker | None:
    """Return the deployment's reranker.

    One that has none may name an endpoint all the same, to be tried out before it is used: that is asked as one that
    wants no key. The local stack names its own.
    """
    kind = deployment.output("Reranker")
    model, base_url = deployment.outputs.get("RerankModel", ""), deployment.outputs.get("RerankBaseUrl", "")
    if kind == "bedrock":
        from rag.adapters.bedrock_reranker import BedrockReranker

        return BedrockReranker(model, RERANK_DEADLINE_SECONDS, deployment.client("bedrock-runtime"))
    if kind == "pinecone":
        from rag.adapters.pinecone_reranker import PineconeReranker

        return PineconeReranker(secret(deployment, "PineconeSecretName"), model, RERANK_DEADLINE_SECONDS)
    if not base_url:
        return None
    from rag.adapters.cohere_reranker import COHERE, TEI, CohereReranker

    credential: Credential = _no_key if kind == "none" else secret(deployment, "RerankSecretName")
    dialect = TEI if kind == "tei" else COHERE
    return CohereReranker(credential, base_url, model, RERANK_DEADLINE_SECONDS, dialect)


def _no_key(*, fresh: bool = False) -> str:  # noqa: ARG001 - it has the form of a credential
    return "none"


def pointer(deployment: Deployment) -> DynamoPointer:
    """Return what remembers which of the deployment's collections is live."""
    deployed = IndexTarget(
        model=deployment.output("EmbeddingModel"), dimensions=int(deployment.output("EmbeddingDimensions"))
    )
    return DynamoPointer(deployment.output("RegistryTableName"), deployed, client=deployment.client("dynamodb"))


def pinecone_index_kind(deployment: Deployment) -> Literal["document", "vector"]:
    """Return the kind of the deployment's Pinecone index."""
    return "vector" if deployment.output("PineconeIndexKind") == "vector" else "document"


def index_of(deployment: Deployment) -> Callable[[IndexTarget], VectorStore]:
    """Return what opens each of the deployment's collections once."""
    pinecone = deployment.output("VectorStore") == "pinecone"
    key = "PineconeSecretName" if pinecone else "MilvusSecretName"
    settings = IndexSettings(
        vector_store="pinecone" if pinecone else "milvus",
        address=deployment.output("PineconeHost" if pinecone else "MilvusUri"),
        secret=deployment.output(key),
        pinecone_index_kind=pinecone_index_kind(deployment) if pinecone else "document",
    )
    return collections(settings, credential=secret(deployment, key))


def retriever(deployment: Deployment) -> Retriever:
    """Return what the deployment's search function retrieves with, tuned as there."""
    return Retriever(
        index_of=index_of(deployment),
        live=registry(deployment),
        tuning_of=tuning_overrides(Variables(_tuning_environment(deployment))).tuning_of,
    )


def _tuning_environment(deployment: Deployment) -> dict[str, str]:
    """Return the search function's variables of its tuning; an output may be missing where it is empty."""
    outputs = {
        "FUSION": "Fusion",
        "LEXICAL_WEIGHT": "LexicalWeight",
        "FUSION_DEPTH": "FusionDepth",
        "PRUNE_DEPTH": "PruneDepth",
        "RELEVANCE_RULE": "RelevanceRule",
    }
    return {variable: deployment.outputs.get(output, "") for variable, output in outputs.items()}


def cache_of(deployment: Deployment) -> DynamoEmbeddingCache:
    """Return the deployment's cache of embeddings."""
    return DynamoEmbeddingCache(
        deployment.output("EmbeddingCacheTableName"),
        int(deployment.output("CacheTtlDays")),
        timeout_seconds=INGESTION_TIMEOUT_SECONDS,
        client=deployment.client("dynamodb"),
    )
