"""A stand-in for the services that rerank, each in its own form: a passage is as relevant as the share of words it has.

Pinecone at `/rerank`, Cohere and its likes at `/v2/rerank`, Text Embeddings Inference at `/tei/rerank`, Bedrock at
`/model/MODEL/invoke`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fakes.faulty_http import FaultyServer, Request, Response

Judgements = Sequence[tuple[Any, Any]]  # of a place and a relevance, best first

MODELS = {"some-model", "cohere-rerank-3.5", "bge-reranker-v2-m3"}
BEDROCK_MODELS = {"cohere.rerank-v3-5:0", "amazon.rerank-v1:0"}


@dataclass(frozen=True)
class Form:
    """How one service names things."""

    texts: str
    optional: frozenset[str]
    answer: Callable[[Judgements], Any]


def _pinecone_answer(judgements: Judgements) -> Any:
    data = [{"index": index, "score": score} for index, score in judgements]
    return {"model": "some-model", "data": data, "usage": {"rerank_units": 1}}


def _cohere_answer(judgements: Judgements) -> Any:
    results = [{"index": index, "relevance_score": score} for index, score in judgements]
    return {"id": "1", "results": results, "meta": {"billed_units": {"search_units": 1}}}


def _tei_answer(judgements: Judgements) -> Any:
    return [{"index": index, "score": score} for index, score in judgements]


PINECONE = Form(
    "documents",
    frozenset({"model", "rank_fields", "return_documents", "top_n", "parameters"}),
    _pinecone_answer,
)
COHERE = Form("documents", frozenset({"model", "top_n"}), _cohere_answer)
TEI = Form("texts", frozenset({"truncate"}), _tei_answer)
BEDROCK = Form("documents", frozenset({"top_n", "api_version"}), _cohere_answer)


class RerankServer(FaultyServer):
    """Judges whatever it is sent; a field that the service does not know is refused."""

    def __init__(self, keys: tuple[str, ...] = ("good-key",)) -> None:
        self.keys = set(keys)
        super().__init__(self._respond)

    def _respond(self, request: Request) -> Response:
        if (invoked := re.fullmatch(r"/model/(.+)/invoke", request.path)) is not None:
            return self._judged(request, BEDROCK) if _bedrock_takes(invoked[1], request.json()) else _refused(400)
        if request.path == "/rerank":
            return self._with_key(request, request.headers.get("api-key", ""), PINECONE)
        key = request.headers.get("authorization", "").removeprefix("Bearer ")
        forms = {"/v2/rerank": COHERE, "/tei/rerank": TEI}
        return self._with_key(request, key, forms[request.path]) if request.path in forms else _refused(404)

    def _with_key(self, request: Request, key: str, form: Form) -> Response:
        if key not in self.keys:
            return _refused(401)
        if "model" in form.optional and request.json().get("model") not in MODELS:
            return _refused(404)
        return self._judged(request, form)

    def _judged(self, request: Request, form: Form) -> Response:
        body = request.json()
        if set(body) - form.optional - {"query", form.texts} or not body[form.texts]:
            return _refused(422)
        texts = [text["text"] if isinstance(text, dict) else text for text in body[form.texts]]
        scores = [relevance(body["query"], text) for text in texts]
        best_first = sorted(range(len(texts)), key=lambda index: -scores[index])
        return Response.of_json(form.answer([(index, scores[index]) for index in best_first]))


def relevance(query: str, text: str) -> float:
    """Return the share of the query's words that a text has."""
    words = set(query.lower().split())
    return len(words & set(text.lower().split())) / len(words)


def _bedrock_takes(model: str, body: dict[str, Any]) -> bool:
    name = model.replace("%3A", ":")
    return name in BEDROCK_MODELS and name.startswith("cohere.") == (body.get("api_version") == 2)


def _refused(status: int) -> Response:
    return Response.of_json({"message": "no, says good-key about canary", "code": status}, status)
