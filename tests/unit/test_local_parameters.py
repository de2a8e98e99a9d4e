"""Which values the template's parameters get on a laptop, and which services that takes."""

from ragctl.local.embedders import MINILM
from ragctl.local.parameters import local_parameters, needs_milvus, needs_models

DECLARED = {"EmbeddingBaseUrl", "ChatBaseUrl", "ChatModel", "VectorStore", "MilvusUri", "Other"}


def test_models_and_vectors_are_local() -> None:
    values = local_parameters(DECLARED, {}, milvus_port=1, models_port=2)

    assert values == {
        "EmbeddingBaseUrl": "http://127.0.0.1:2/v1",
        "ChatBaseUrl": "http://127.0.0.1:2/v1",
        "ChatModel": "extractive",
        "VectorStore": "milvus",
        "MilvusUri": "http://127.0.0.1:1",
    }


def test_the_callers_own_values_win() -> None:
    values = local_parameters(DECLARED, {"ChatModel": "llama", "Other": "x"}, milvus_port=1, models_port=2)

    assert (values["ChatModel"], values["Other"]) == ("llama", "x")


def test_the_embedding_model_comes_with_its_dimensions() -> None:
    declared = {"EmbeddingModel", "EmbeddingDimensions"}

    assert local_parameters(declared, {}, 1, 2) == {"EmbeddingModel": "wordllama-256", "EmbeddingDimensions": "256"}
    values = local_parameters(declared, {}, 1, 2, MINILM)
    assert values == {"EmbeddingModel": "all-minilm-l6-v2", "EmbeddingDimensions": "384"}


def test_a_template_without_models_needs_none() -> None:
    assert local_parameters({"Other"}, {}, milvus_port=1, models_port=2) == {}
    assert not needs_models({"Other"}, {})
    assert not needs_milvus({"Other"}, {})


def test_the_model_server_is_needed_until_both_endpoints_are_elsewhere() -> None:
    assert needs_models(DECLARED, {})
    assert needs_models(DECLARED, {"ChatBaseUrl": "http://ollama"})
    assert not needs_models(DECLARED, {"ChatBaseUrl": "http://ollama", "EmbeddingBaseUrl": "http://ollama"})


def test_milvus_is_needed_unless_the_vectors_are_elsewhere() -> None:
    assert needs_milvus(DECLARED, {})
    assert not needs_milvus(DECLARED, {"VectorStore": "pinecone"})
    assert not needs_milvus(DECLARED, {"MilvusUri": "http://cluster:19530"})


def test_the_local_reranker_is_named_where_there_is_one_and_not_used() -> None:
    declared = DECLARED | {"Reranker", "RerankModel", "RerankBaseUrl"}
    elsewhere = {"ChatBaseUrl": "http://ollama", "EmbeddingBaseUrl": "http://ollama"}

    values = local_parameters(declared, {}, milvus_port=1, models_port=2)

    assert (values["RerankModel"], values["RerankBaseUrl"]) == ("extractive-rerank", "http://127.0.0.1:2/v1")
    assert "Reranker" not in values
    assert "RerankBaseUrl" not in local_parameters(declared, elsewhere, milvus_port=1, models_port=2)


def test_the_api_takes_tokens_of_the_local_issuer_unless_told_otherwise() -> None:
    declared = DECLARED | {"ApiAuthorization", "JwtIssuer", "JwtAudience"}
    url = "http://127.0.0.1:3000"

    values = local_parameters(declared, {}, milvus_port=1, models_port=2, api_url=url)
    by_keys = local_parameters(declared, {"ApiAuthorization": "API_KEY"}, milvus_port=1, models_port=2, api_url=url)

    assert (values["ApiAuthorization"], values["JwtIssuer"]) == ("JWT", f"{url}/_local/issuer")
    assert by_keys["ApiAuthorization"] == "API_KEY"
    assert "JwtIssuer" not in by_keys
