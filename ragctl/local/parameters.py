"""The template's parameters on a laptop: local models, local vectors, no keys."""

from collections.abc import Collection, Mapping

from ragctl.local.account import HOST
from ragctl.local.api_address import AUDIENCE, ISSUER_PATH
from ragctl.local.embedders import WORDLLAMA, LocalEmbedder

_MODELS = {
    "ChatModel": "extractive",
    "ChatTemperature": "0",
    "RerankModel": "extractive-rerank",  # which Reranker=cohere switches on
}


def needs_models(declared: Collection[str], overrides: Mapping[str, str]) -> bool:
    """Return whether some endpoint of a model is left to the local model server."""
    return any(name in declared and name not in overrides for name in ("EmbeddingBaseUrl", "ChatBaseUrl"))


def needs_milvus(declared: Collection[str], overrides: Mapping[str, str]) -> bool:
    """Return whether the vectors are left to the local Milvus server."""
    elsewhere = "MilvusUri" in overrides or overrides.get("VectorStore", "milvus") != "milvus"
    return "MilvusUri" in declared and not elsewhere


def local_parameters(
    declared: Collection[str],
    overrides: Mapping[str, str],
    milvus_port: int,
    models_port: int,
    embedder: LocalEmbedder = WORDLLAMA,
    api_url: str | None = None,
) -> dict[str, str]:
    """Return the values for those parameters that the template declares, the caller's own before the local ones."""
    models_url = f"http://{HOST}:{models_port}/v1"
    ours = {
        **_MODELS,
        "EmbeddingModel": embedder.model,
        "EmbeddingDimensions": str(embedder.dimensions),
        "EmbeddingBaseUrl": models_url,
        "ChatBaseUrl": models_url,
        "VectorStore": "milvus",
        "MilvusUri": f"http://{HOST}:{milvus_port}",
    }
    if needs_models(declared, overrides):
        ours["RerankBaseUrl"] = models_url
    if api_url and overrides.get("ApiAuthorization", "JWT") == "JWT":
        ours |= {"ApiAuthorization": "JWT", "JwtIssuer": f"{api_url}{ISSUER_PATH}", "JwtAudience": AUDIENCE}
    return {**{name: value for name, value in ours.items() if name in declared}, **overrides}
