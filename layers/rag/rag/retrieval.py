"""Retrieval: the chunks nearest to questions by vector, by words or by both, of what the registry shows a principal."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter

from rag.contract import ModeName
from rag.coverage import weighed_coverage
from rag.errors import InvalidRequest
from rag.filters import Filter
from rag.fusion import convex, one_leg, ranked, reciprocal_rank
from rag.index_pointer import IndexTarget
from rag.legs import Leg, fill
from rag.models import Candidate, Principal, ScoredChunk
from rag.ports import LiveDocuments, PassageSearch
from rag.side_by_side import side_by_side
from rag.tuning import Tuning
from rag.vectors import Vector
from rag.visibility import Visibility


@dataclass(frozen=True, slots=True)
class SearchedQuestion:
    """A question, or another way to put it, with its vector unless the mode needs none."""

    text: str
    vector: "Vector[float] | None"


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a question found: visible candidates, best first, and the ids of what may not be seen."""

    candidates: list[Candidate]
    hidden: frozenset[str]


@dataclass(frozen=True, slots=True)
class Retriever:
    """Searches collections for what is live and open to a principal, tuned to each collection's embedding model.

    Where too little of what was found may be seen, it searches for more until `seconds` after it began. `on_searched`
    hears the milliseconds of each search of a collection, failed ones included.
    """

    index_of: Callable[[IndexTarget], PassageSearch]
    live: LiveDocuments
    tuning_of: Callable[[str], Tuning]
    seconds: float = 60.0
    on_searched: Callable[[float], None] | None = None

    def retrieve(
        self,
        questions: Sequence[SearchedQuestion],
        principal: Principal,
        where: Filter | None,
        mode: ModeName,
        top_k: int,
        target: IndexTarget,
    ) -> list[Retrieved]:
        """Return per question its `top_k` best candidates, fewer where there are no more, and others that came along.

        All questions go through each leg in one call, the legs side by side; only those that came out short because
        what was found may not be seen are asked again, while there is time. Dense mode ranks by cosine, lexical mode by
        BM25, hybrid mode by the fusion of both; pruned mode keeps the best by BM25 and ranks those by cosine.

        Raises:
            InvalidRequest: a vector that the mode needs is missing or of other dimensions.
            TransientError: the store or the registry could not be read at first; then nothing is shown.
            PermanentError: as the store does.
        """
        if not questions:
            return []
        tuning = self.tuning_of(target.model)
        store = self.index_of(target)
        visibility = Visibility(self.live, principal)
        texts = [question.text for question in questions]
        vectors = [] if mode == "lexical" else [_vector(question, target.dimensions) for question in questions]

        def dense(numbers: Sequence[int], count: int) -> list[list[ScoredChunk]]:
            with self._clocked():
                return store.dense([vectors[number] for number in numbers], principal, count, where)

        def lexical(numbers: Sequence[int], count: int) -> list[list[ScoredChunk]]:
            with self._clocked():
                return store.lexical([texts[number] for number in numbers], principal, count, where)

        least = {"hybrid": tuning.depth, "pruned": tuning.prune_depth}.get(mode, 0)
        searches = {"dense": [dense], "hybrid": [dense, lexical]}.get(mode, [lexical])
        legs = [Leg(search, len(questions), top_k, max(top_k, least)) for search in searches]
        fill(legs, visibility, self.seconds)

        # What is fused or pruned must not depend on how many more came along; a leg by itself is only longer for them.
        most = max(top_k, least) if least else None
        found = list(zip(*(leg.visible(visibility, most) for leg in legs), strict=True))
        match mode:
            case "dense":
                rankings = [one_leg(dense=near) for (near,) in found]
            case "lexical":
                rankings = [one_leg(lexical=worded) for (worded,) in found]
            case "hybrid":
                rankings = [
                    fused(text, near, worded, tuning) for text, (near, worded) in zip(texts, found, strict=True)
                ]
            case "pruned":
                kept = [one_leg(lexical=worded) for (worded,) in found]
                rankings = _by_cosine(store, vectors, principal, kept)
        hidden = [frozenset[str]().union(*ids) for ids in zip(*(leg.hidden(visibility) for leg in legs), strict=True)]
        return [Retrieved(*outcome) for outcome in zip(rankings, hidden, strict=True)]

    @contextmanager
    def _clocked(self) -> Iterator[None]:
        began = perf_counter()
        try:
            yield
        finally:
            if self.on_searched:
                self.on_searched((perf_counter() - began) * 1000)


def fused(
    question: str, dense: Sequence[ScoredChunk], lexical: Sequence[ScoredChunk], tuning: Tuning
) -> list[Candidate]:
    """Return both legs' chunks in one ranking, as the embedding model's tuning says."""
    if tuning.fusion == "convex":
        covered = weighed_coverage(question, [found.chunk for found in lexical])
        return convex(dense, lexical, tuning.lexical_weight, covered)
    weights = (1 - tuning.lexical_weight, tuning.lexical_weight)
    return reciprocal_rank([one_leg(dense=dense), one_leg(lexical=lexical)], weights)


def _by_cosine(
    store: PassageSearch,
    vectors: "Sequence[Vector[float]]",
    principal: Principal,
    kept: Sequence[list[Candidate]],
) -> list[list[Candidate]]:
    """Return each question's candidates ranked by their cosine; what the index no longer holds is left out."""

    def cosines_of(question: "tuple[Vector[float], list[Candidate]]") -> Mapping[str, float]:
        vector, candidates = question
        chunk_ids = [candidate.chunk.chunk_id for candidate in candidates]
        return store.similarities(vector, principal, chunk_ids) if chunk_ids else {}

    found = side_by_side(cosines_of, list(zip(vectors, kept, strict=True)))
    return [
        ranked(
            replace(candidate, score=cosines[candidate.chunk.chunk_id], dense=cosines[candidate.chunk.chunk_id])
            for candidate in candidates
            if candidate.chunk.chunk_id in cosines
        )
        for candidates, cosines in zip(kept, found, strict=True)
    ]


def _vector(question: SearchedQuestion, dimensions: int) -> "Vector[float]":
    if question.vector is None or len(question.vector) != dimensions:
        raise InvalidRequest(f"vector must have {dimensions} dimensions.")
    return question.vector
