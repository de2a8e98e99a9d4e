"""Documents ranked as production ranks chunks: the same retriever, embedder and cache, before any passage is merged."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

from rag.contract import ModeName
from rag.index_pointer import IndexTarget
from rag.models import Candidate, Principal
from rag.ports import Embedder, EmbeddingCache
from rag.reranking import Reranked
from rag.retrieval import Retriever, SearchedQuestion
from rag.vectorising import CachedEmbedder
from ragctl.evaluation.metrics import DEPTH

RankingName = Literal["dense", "lexical", "hybrid", "pruned", "reranked"]  # the last is hybrid mode with a reranker
Progress = Callable[[str], None]

TOP_K: Final = 10  # as production asks for by default; more of it does not change the ranks above
_QUESTIONS_AT_ONCE: Final = 20
_TEXTS_AT_ONCE: Final = 100
_DEEPER: Final = (200, 1_000)  # chunks asked for while fewer than DEPTH documents are found
_SIDE_BY_SIDE: Final = 4

T = TypeVar("T")


@dataclass(frozen=True)
class Ranker:
    """Ranks documents for questions of one principal. A document is ranked by its best chunk."""

    retriever: Retriever
    embedder: Embedder
    cache: EmbeddingCache
    target: IndexTarget
    principal: Principal
    reranked: Callable[[str, Sequence[Candidate]], Reranked] | None = None
    failures: list[str] = field(default_factory=list)  # of the reranker, each of which left the fused order

    def embedded(self, texts: Sequence[str]) -> list[SearchedQuestion]:
        """Return the texts with their vectors, from the cache where it holds them."""
        embedder = CachedEmbedder(self.embedder, self.cache)
        questions: list[SearchedQuestion] = []
        for part in parts(texts, _TEXTS_AT_ONCE):
            vectors = embedder.embed(self.principal.tenant, part).vectors
            questions += map(SearchedQuestion, part, vectors)
        return questions

    def candidates(
        self, ranking: RankingName, questions: Sequence[SearchedQuestion], top_k: int | None = None
    ) -> list[list[Candidate]]:
        """Return each question's candidates as a search for `top_k` passages ranks them; without it, the default."""
        mode: ModeName = "hybrid" if ranking == "reranked" else ranking
        wanted = top_k or TOP_K
        found = [
            retrieved.candidates
            for part in parts(questions, _QUESTIONS_AT_ONCE)
            for retrieved in self.retriever.retrieve(part, self.principal, None, mode, wanted, self.target)
        ]
        if ranking != "reranked" or self.reranked is None:
            return found
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            judged = list(pool.map(self.reranked, (question.text for question in questions), found))
        self.failures.extend(outcome.failure for outcome in judged if outcome.failure)
        return [outcome.candidates for outcome in judged]

    def documents(self, ranking: RankingName, questions: Sequence[SearchedQuestion]) -> list[list[str]]:
        """Return each question's documents, best first, at most `DEPTH`.

        Those of a search for as many passages as production asks for come first, in its order; what a deeper search
        adds follows, so that recall can be told without a depth that changes the ranks above.
        """
        found = [distinct(candidates) for candidates in self.candidates(ranking, questions)]
        deeper: RankingName = "hybrid" if ranking == "reranked" else ranking
        short = [number for number, documents in enumerate(found) if len(documents) < DEPTH]
        for count in _DEEPER:
            more = self.candidates(deeper, [questions[number] for number in short], count)
            for number, candidates in zip(short, more, strict=True):
                found[number] = list(dict.fromkeys([*found[number], *distinct(candidates)]))
            exhausted = {number for number, candidates in zip(short, more, strict=True) if len(candidates) < count}
            short = [number for number in short if len(found[number]) < DEPTH and number not in exhausted]
        return [documents[:DEPTH] for documents in found]

    def seconds(self, rankings: Sequence[RankingName], text: str) -> dict[RankingName, float]:
        """Return what a question takes that nobody has asked before: its embedding, where it needs one, and search."""
        began = time.perf_counter()
        vector = self.embedder.embed([text]).vectors[0]
        embedding = time.perf_counter() - began
        taken: dict[RankingName, float] = {}
        for ranking in rankings:
            question = SearchedQuestion(text, None if ranking == "lexical" else vector)
            began = time.perf_counter()
            self.candidates(ranking, [question])
            taken[ranking] = time.perf_counter() - began + (0 if ranking == "lexical" else embedding)
        return taken


def distinct(candidates: Sequence[Candidate]) -> list[str]:
    """Return the documents of candidates, each where its best chunk is."""
    return list(dict.fromkeys(candidate.chunk.document_id for candidate in candidates))


def parts(things: Sequence[T], size: int) -> list[Sequence[T]]:
    """Return the things in their order, in parts of at most `size`."""
    return [things[start : start + size] for start in range(0, len(things), size)]
