"""The template's parameters on a laptop: local models, local vectors, no keys."""

from collections.abc import Collection, Mapping

from ragctl.local.account import HOST

# Below the default for hosted models, since static embeddings give lower cosine similarities: on the sample questions
# the best passage of an answerable one scores 0.19 and more, that of an unrelated one 0.19 and less. What passes here
# and answers nothing, the local chat model declines.
WORDLLAMA_RELEVANCE_THRESHOLD = "0.15"

_MODELS = {
    "EmbeddingModel": "wordllama-256",
    "EmbeddingDimensions": "256",
    "ChatModel": "extractive",
    "ChatTemperature": "0",
    "RelevanceThreshold": WORDLLAMA_RELEVANCE_THRESHOLD,
}


def needs_models(declared: Collection[str], overrides: Mapping[str, str]) -> bool:
    """Return whether some endpoint of a model is left to the local model server."""
    return any(name in declared and name not in overrides for name in ("EmbeddingBaseUrl", "ChatBaseUrl"))


def needs_milvus(declared: Collection[str], overrides: Mapping[str, str]) -> bool:
    """Return whether the vectors are left to the local Milvus server."""
    elsewhere = "MilvusUri" in overrides or overrides.get("VectorStore", "milvus") != "milvus"
    return "MilvusUri" in declared and not elsewhere


def local_parameters(
    declared: Collection[str], overrides: Mapping[str, str], milvus_port: int, models_port: int
) -> dict[str, str]:
    """Return the values for those parameters that the template declares, the caller's own before the local ones."""
    models_url = f"http://{HOST}:{models_port}/v1"
    ours = {
        **_MODELS,
        "EmbeddingBaseUrl": models_url,
        "ChatBaseUrl": models_url,
        "VectorStore": "milvus",
        "MilvusUri": f"http://{HOST}:{milvus_port}",
    }
    return {**{name: value for name, value in ours.items() if name in declared}, **overrides}
