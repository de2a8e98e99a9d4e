"""What each reranker's service is asked, and what is particular to one of them."""

import inspect
from collections.abc import Iterator
from contextlib import closing

import pytest
from urllib3 import exceptions as vendor

from rag import errors
from rag.adapters.bedrock_reranker import BedrockReranker
from rag.adapters.cohere_reranker import CohereReranker, refusal, translated
from rag.adapters.pinecone_reranker import PineconeReranker
from tests.contract.aws_clients import client_at
from tests.contract.rerankers import AMPLE, SERVICES
from tests.fakes import faulty_http as faults
from tests.fakes.rerank_server import RerankServer
from tests.fakes.secrets import fixed_credential

PASSAGES = ["one", "two"]


@pytest.fixture
def server() -> Iterator[RerankServer]:
    with RerankServer() as running:
        yield running


def test_cohere_is_asked_for_a_judgement_of_every_document(server: RerankServer) -> None:
    with closing(CohereReranker(fixed_credential("good-key"), f"{server.url}/v2", "some-model", AMPLE)) as reranker:
        reranker.rerank("q", PASSAGES)

    (request,) = server.requests
    assert request.json() == {"model": "some-model", "query": "q", "documents": PASSAGES, "top_n": 2}
    assert (request.path, request.headers["authorization"]) == ("/v2/rerank", "Bearer good-key")


def test_text_embeddings_inference_is_asked_to_cut_what_is_too_long(server: RerankServer) -> None:
    (tei,) = (service for service in SERVICES if service.name == "tei")

    tei.rerank(server, "q", PASSAGES)

    assert server.requests[0].json() == {"query": "q", "texts": PASSAGES, "truncate": True}


@pytest.mark.parametrize(
    ("model", "parameters"),
    [("bge-reranker-v2-m3", {"truncate": "END"}), ("cohere-rerank-3.5", None)],
)
def test_pinecone_is_asked_to_cut_what_is_too_long_where_the_model_would_refuse(
    server: RerankServer, model: str, parameters: dict[str, str] | None
) -> None:
    with closing(PineconeReranker(fixed_credential("good-key"), model, AMPLE, server.url)) as reranker:
        reranker.rerank("q", PASSAGES)

    asked = server.requests[0].json()
    assert (asked["model"], asked.get("parameters"), asked["return_documents"]) == (model, parameters, False)


def test_a_model_that_pinecone_does_not_host_is_named(server: RerankServer) -> None:
    reranker = PineconeReranker(fixed_credential("good-key"), "no-such-model", AMPLE, server.url)

    with closing(reranker), pytest.raises(errors.UpstreamRejected, match="no-such-model: check RerankModel"):
        reranker.rerank("q", PASSAGES)


@pytest.mark.parametrize("model", ["cohere.rerank-v3-5:0", "amazon.rerank-v1:0"])
def test_each_model_on_bedrock_is_asked_in_its_own_form(server: RerankServer, model: str) -> None:
    reranker = BedrockReranker(model, AMPLE, client_at("bedrock-runtime", server.url))

    assert len(reranker.rerank("q", PASSAGES)) == 2


def test_a_role_without_access_to_the_model_is_told_what_it_needs(server: RerankServer) -> None:
    denied = {"x-amzn-errortype": "AccessDeniedException"}
    server.next(faults.answer_json({"message": "canary"}, 403, denied))
    reranker = BedrockReranker("amazon.rerank-v1:0", AMPLE, client_at("bedrock-runtime", server.url))

    with pytest.raises(errors.UpstreamRejected, match="bedrock:InvokeModel") as caught:
        reranker.rerank("q", PASSAGES)

    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["http://[::1", "http://a b/", "http://é\ud800/", "http://\x00/", "ftp://host"])
def test_an_address_that_is_none_is_told_as_such(base_url: str) -> None:
    reranker = CohereReranker(fixed_credential(), base_url, "m", AMPLE)

    with closing(reranker), pytest.raises(errors.UpstreamRejected, match="check RerankBaseUrl"):
        reranker.rerank("q", PASSAGES)


def test_a_redirect_is_not_followed_with_the_key(server: RerankServer) -> None:
    server.next(faults.answer(307, headers={"Location": f"{server.url}/v2/rerank"}))
    reranker = CohereReranker(fixed_credential("good-key"), f"{server.url}/v2", "some-model", AMPLE)

    with closing(reranker), pytest.raises(errors.UpstreamRejected):
        reranker.rerank("q", PASSAGES)

    assert len(server.requests) == 1


def test_an_answer_that_is_not_compressed_as_it_says_is_malformed(server: RerankServer) -> None:
    server.next(faults.answer(200, "plain", {"Content-Encoding": "gzip"}))
    reranker = CohereReranker(fixed_credential("good-key"), f"{server.url}/v2", "some-model", AMPLE)

    with closing(reranker), pytest.raises(errors.MalformedResponse):
        reranker.rerank("q", PASSAGES)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, errors.UpstreamRejected),
        (400, errors.UpstreamRejected),
        (401, errors.CredentialsRejected),
        (402, errors.QuotaExhausted),
        (403, errors.CredentialsRejected),
        (408, errors.UpstreamUnavailable),
        (413, errors.UpstreamRejected),
        (424, errors.UpstreamRejected),
        (429, errors.UpstreamThrottled),
        (498, errors.CredentialsRejected),
        (500, errors.UpstreamUnavailable),
        (529, errors.UpstreamUnavailable),
    ],
)
def test_a_status_becomes_an_error_of_ours(status: int, error: type[errors.RagError]) -> None:
    assert type(refusal(status)) is error


def test_every_error_of_the_http_client_is_translated() -> None:
    kinds = [kind for _, kind in inspect.getmembers(vendor, inspect.isclass) if issubclass(kind, vendor.HTTPError)]

    assert len(kinds) > 20
    for kind in kinds:
        assert isinstance(translated(kind.__new__(kind)), errors.RagError)
