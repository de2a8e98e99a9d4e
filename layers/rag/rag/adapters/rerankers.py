"""The reranker that a deployment uses, if it uses one."""

from rag.adapters.secrets import Secret
from rag.ports import Reranker
from rag.settings import RerankSettings


def reranker(settings: RerankSettings | None) -> Reranker | None:
    """Return the reranker; one vendor's client is imported, since each costs a cold start."""
    if settings is None:
        return None
    if settings.kind == "bedrock":
        from rag.adapters.bedrock_reranker import BedrockReranker

        return BedrockReranker(settings.model, settings.seconds)
    if settings.kind == "pinecone":
        from rag.adapters.pinecone_reranker import PineconeReranker

        return PineconeReranker(Secret(settings.secret), settings.model, settings.seconds)
    from rag.adapters.cohere_reranker import COHERE, TEI, CohereReranker

    dialect = TEI if settings.kind == "tei" else COHERE
    return CohereReranker(Secret(settings.secret), settings.base_url, settings.model, settings.seconds, dialect)
