"""Use case of the search state: the passages that answer a question, of what the registry shows its principal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

import msgspec

from rag import vectors
from rag.contract import ModeName
from rag.contracts import MAX_PASSAGES_BYTES, Passage, SearchRequest, SearchResponse
from rag.duplicates import distinct, diverse
from rag.errors import InvalidRequest
from rag.filters import Filter, parse_filter
from rag.fusion import reciprocal_rank
from rag.index_pointer import IndexTarget
from rag.merging import merged
from rag.models import Chunk, Principal
from rag.passages import passage_of, within_bytes
from rag.ports import Reranker
from rag.relevance import RelevanceRule
from rag.reranking import DEGRADED, rerank
from rag.retrieval import Retrieved, Retriever, SearchedQuestion
from rag.side_by_side import side_by_side
from rag.suspicion import addresses_the_model

MAX_STATE_BYTES: Final = 240 * 1024  # of Step Functions' 256 KiB: what the request and its passages share
DISTRUSTED: Final = "suspicious_dropped"  # in an answer's `degraded`
_POOL: Final = 2  # candidates to choose diverse ones from, for each that is wanted


@dataclass(frozen=True, slots=True)
class Found:
    """What one question found: its passages, none when nothing is relevant, and how that came about.

    `dropped` counts what the index held and the registry does not show, `collapsed` what copied a better passage,
    `distrusted` what was left out because it addresses the model, of what would have been among the best.
    `rerank_failure` says why the order is the one without a reranker.
    """

    passages: list[Passage]
    dropped: int
    collapsed: int = 0
    rerank_failure: str | None = None
    distrusted: int = 0

    @property
    def degraded(self) -> list[str]:
        """What an answer's `degraded` holds of it."""
        reranked = [DEGRADED] if self.rerank_failure is not None else []
        return [*reranked, *([DISTRUSTED] if self.distrusted else [])]


@dataclass(frozen=True, slots=True)
class Searched:
    """The state's output, and what was found, of which the metrics tell more."""

    response: SearchResponse
    found: Found


@dataclass(frozen=True, slots=True)
class SearchVectors:
    """Retrieves, judges relevance, collapses what repeats itself, reranks, and joins neighbours, in this order.

    `rerank_depth` candidates are reranked. `diversity`, 0 to 1, weighs being different against being relevant.
    Neighbours are joined up to `merged_tokens`. With `drop_suspicious`, passages that address the model are left out.
    """

    retriever: Retriever
    reranker: Reranker | None = None
    rerank_depth: int = 50
    diversity: float = 0.0
    merged_tokens: int = 600
    drop_suspicious: bool = False

    def __call__(self, request: SearchRequest) -> Searched:
        """Return at most `top_k` passages, best first, of at most 150 KiB, or what the state has room for beside them.

        Raises:
            InvalidRequest: there is not one vector per text, or one is malformed or of other dimensions.
            TransientError: the store or the registry could not be read; then nothing is shown.
            PermanentError: as the store does.
        """
        query = request.request
        (found,) = self.search_many(
            [_asked(request)],
            Principal(query.tenant, tuple(query.groups)),
            parse_filter(query.filter) if query.filter is not None else None,
            query.mode,
            query.top_k,
            request.embedding.target,
            min(MAX_PASSAGES_BYTES, MAX_STATE_BYTES - len(msgspec.json.encode(query))),
        )
        response = SearchResponse(
            relevant=bool(found.passages), passages=found.passages, degraded=[*request.degraded, *found.degraded]
        )
        return Searched(response, found)

    def search_many(
        self,
        asked: Sequence[Sequence[SearchedQuestion]],
        principal: Principal,
        where: Filter | None,
        mode: ModeName,
        top_k: int,
        target: IndexTarget,
        most_bytes: int = MAX_PASSAGES_BYTES,
    ) -> list[Found]:
        """Return what each question found, in at most so many bytes; each comes first of its phrasings.

        Those are searched for as well, and all of them go through each leg of the search in one call.

        Raises:
            InvalidRequest, TransientError, PermanentError: as above.
        """
        wanted = max(top_k, self.rerank_depth if self.reranker else 0)
        flat = [question for phrasings in asked for question in phrasings]
        retrieved = iter(self.retriever.retrieve(flat, principal, where, mode, wanted, target))
        groups = [list(islice(retrieved, len(phrasings))) for phrasings in asked]
        rule = self.retriever.tuning_of(target.model).relevance[mode]

        def found(question: tuple[Sequence[SearchedQuestion], Sequence[Retrieved]]) -> Found:
            return self._found(*question, rule, top_k, most_bytes)

        return side_by_side(found, list(zip(asked, groups, strict=True)))

    def _found(
        self,
        phrasings: Sequence[SearchedQuestion],
        retrieved: Sequence[Retrieved],
        rule: RelevanceRule,
        top_k: int,
        most_bytes: int,
    ) -> Found:
        question = phrasings[0].text
        dropped = len(set[str]().union(*(one.hidden for one in retrieved)))
        distrusted = 0
        if self.drop_suspicious:
            trusted = list(map(_trusted, retrieved))
            distrusted = len(_keys(retrieved, top_k) - _keys(trusted))
            retrieved = trusted
        if not any(rule.admits(one.candidates, asked.text) for asked, one in zip(phrasings, retrieved, strict=True)):
            return Found([], dropped, distrusted=distrusted)
        rankings = [one.candidates for one in retrieved]
        ranking = rankings[0] if len(rankings) == 1 else reciprocal_rank(rankings)
        pool = max(self.rerank_depth if self.reranker else 0, _POOL * top_k if self.diversity else top_k)
        best = list(islice(distinct(ranking), pool))
        collapsed = ranking.index(best[-1]) + 1 - len(best)
        failure = None
        if self.reranker is not None:
            reranked = rerank(self.reranker, question, best, self.rerank_depth)
            best, failure = reranked.candidates, reranked.failure
        joined = merged(diverse(best, self.diversity, top_k), self.merged_tokens)
        passages = list(map(passage_of, joined))
        if self.drop_suspicious:  # an injection may stand across the chunks that were joined
            distrusted += sum(passage.suspicious for passage in passages)
            passages = [passage for passage in passages if not passage.suspicious]
        return Found(list(within_bytes(passages, most_bytes)), dropped, collapsed, failure, distrusted)


def _trusted(retrieved: Retrieved) -> Retrieved:
    """Return what was retrieved but for the candidates that address the model."""
    return replace(retrieved, candidates=[one for one in retrieved.candidates if not _is_suspicious(one.chunk)])


def _keys(retrieved: Sequence[Retrieved], most: int | None = None) -> set[str]:
    return {candidate.chunk.chunk_id for one in retrieved for candidate in one.candidates[:most]}


def _is_suspicious(chunk: Chunk) -> bool:
    return addresses_the_model(chunk.title, chunk.source, chunk.text)


def _asked(request: SearchRequest) -> list[SearchedQuestion]:
    """Return the question and its phrasings with their vectors.

    Raises:
        InvalidRequest: there is not one vector per text, or one is malformed.
    """
    query, encoded = request.request, request.embedding.vectors
    texts = [query.question, *query.phrasings]
    if query.mode == "lexical":
        return [SearchedQuestion(text, None) for text in texts]
    if len(encoded) != len(texts):
        raise InvalidRequest(f"vectors must be {len(texts)}: of the question, and of each phrasing.")
    return [SearchedQuestion(text, vectors.decode(vector)) for text, vector in zip(texts, encoded, strict=True)]
