"""Which reranker an operator's machine uses for a deployment."""

import pytest

from rag.adapters.bedrock_reranker import BedrockReranker
from rag.adapters.cohere_reranker import CohereReranker
from rag.adapters.pinecone_reranker import PineconeReranker
from ragctl import wiring
from ragctl.deployment import Deployment

ENDPOINT = {"RerankModel": "some-model", "RerankBaseUrl": "http://127.0.0.1:1/v1", "RerankSecretName": "rag/rerank"}
HOSTED = {"RerankModel": "some-model", "PineconeSecretName": "rag/pinecone"}


def deployment(**outputs: str) -> Deployment:
    """A stack that nobody asks, since its outputs are known."""
    made = Deployment("rag", "http://127.0.0.1:1")
    vars(made)["outputs"] = outputs
    return made


@pytest.mark.parametrize(
    ("outputs", "adapter"),
    [
        ({"Reranker": "cohere", **ENDPOINT}, CohereReranker),
        ({"Reranker": "tei", **ENDPOINT}, CohereReranker),
        ({"Reranker": "pinecone", **HOSTED}, PineconeReranker),
        ({"Reranker": "bedrock", "RerankModel": "amazon.rerank-v1:0"}, BedrockReranker),
    ],
)
def test_it_is_the_one_that_is_deployed(outputs: dict[str, str], adapter: type) -> None:
    assert type(wiring.reranker(deployment(**outputs))) is adapter


def test_a_deployment_that_names_no_endpoint_has_none() -> None:
    assert wiring.reranker(deployment(Reranker="none")) is None


def test_an_endpoint_that_is_named_and_not_used_can_be_tried_out_without_a_secret() -> None:
    unused = {name: value for name, value in ENDPOINT.items() if name != "RerankSecretName"}

    assert isinstance(wiring.reranker(deployment(Reranker="none", **unused)), CohereReranker)
