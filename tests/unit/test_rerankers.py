"""Which reranker a deployment's settings give."""

import pytest

from rag.adapters.bedrock_reranker import BedrockReranker
from rag.adapters.cohere_reranker import CohereReranker
from rag.adapters.pinecone_reranker import PineconeReranker
from rag.adapters.rerankers import reranker
from rag.errors import InternalError
from rag.settings import RerankSettings
from rag.variables import Variables

ENVIRONMENT = {
    "RERANK_MODEL": "some-model",
    "RERANK_BASE_URL": "http://127.0.0.1:1/v2",
    "RERANK_SECRET": "stack/rerank",
    "PINECONE_SECRET": "stack/pinecone",
    "RERANK_DEPTH": "50",
    "RERANK_SECONDS": "2.5",
}


def settings(kind: str, **others: str) -> RerankSettings | None:
    return RerankSettings.read(Variables({**ENVIRONMENT, "RERANKER": kind, **others}))


@pytest.mark.parametrize("kind", ["none", "", " "])
def test_without_one_there_is_none(kind: str) -> None:
    assert settings(kind) is None
    assert reranker(None) is None


@pytest.mark.parametrize(
    ("kind", "adapter"),
    [("pinecone", PineconeReranker), ("cohere", CohereReranker), ("tei", CohereReranker), ("bedrock", BedrockReranker)],
)
def test_each_kind_has_its_adapter(kind: str, adapter: type, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert type(reranker(settings(kind))) is adapter


def test_pinecone_reranks_with_the_key_that_it_searches_with() -> None:
    read = [settings(kind) for kind in ("pinecone", "cohere")]
    assert [one.secret for one in read if one] == ["stack/pinecone", "stack/rerank"]


def test_depth_and_time_are_numbers() -> None:
    read = settings("cohere")
    assert read
    assert (read.depth, read.seconds) == (50, 2.5)


@pytest.mark.parametrize("missing", ["RERANK_MODEL", "RERANK_BASE_URL", "RERANK_SECRET", "RERANK_DEPTH"])
def test_what_is_missing_is_named(missing: str) -> None:
    with pytest.raises(InternalError, match=missing):
        settings("cohere", **{missing: ""})


def test_only_an_endpoint_needs_an_address() -> None:
    assert settings("bedrock", RERANK_BASE_URL="")


def test_an_unknown_kind_is_told_as_such() -> None:
    with pytest.raises(InternalError, match="RERANKER must be"):
        settings("magic")
