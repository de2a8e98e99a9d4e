"""Every adapter of the Reranker port on the stand-in, and how its service would answer."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

from rag.adapters.bedrock_reranker import BedrockReranker
from rag.adapters.cohere_reranker import TEI, CohereReranker
from rag.adapters.pinecone_reranker import PineconeReranker
from rag.ports import Credential, Reranker
from tests.contract.aws_clients import client_at
from tests.fakes import rerank_server
from tests.fakes.rerank_server import RerankServer
from tests.fakes.secrets import RotatingCredential

AMPLE = 10.0  # seconds, for calls that are to succeed on a busy machine


@dataclass(frozen=True)
class Service:
    """One service: how its adapter is made, and the form of its answers."""

    name: str
    form: rerank_server.Form
    make: Callable[[Credential, str, float], Any]
    has_key: bool = True

    @contextmanager
    def reranker(self, url: str, *keys: str, seconds: float = AMPLE) -> Iterator[Reranker]:
        made = self.make(RotatingCredential(*(keys or ("good-key",))), url, seconds)
        with closing(made) if hasattr(made, "close") else nullcontext(made):
            yield made

    def rerank(self, server: RerankServer, query: str, passages: list[str], *keys: str, **options: Any) -> list[float]:
        with self.reranker(server.url, *keys, **options) as reranker:
            return reranker.rerank(query, passages)


SERVICES = [
    Service(
        "pinecone",
        rerank_server.PINECONE,
        lambda key, url, seconds: PineconeReranker(key, "bge-reranker-v2-m3", seconds, url),
    ),
    Service(
        "cohere",
        rerank_server.COHERE,
        lambda key, url, seconds: CohereReranker(key, f"{url}/v2", "some-model", seconds),
    ),
    Service(
        "tei",
        rerank_server.TEI,
        lambda key, url, seconds: CohereReranker(key, f"{url}/tei/", "some-model", seconds, TEI),
    ),
    Service(
        "bedrock",
        rerank_server.BEDROCK,
        lambda _, url, seconds: BedrockReranker("cohere.rerank-v3-5:0", seconds, client_at("bedrock-runtime", url)),
        has_key=False,
    ),
]
