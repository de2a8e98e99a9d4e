"""Documents ranked by their best chunk, as deep as recall looks, without a depth that changes what is above."""

from array import array
from collections.abc import Sequence

import pytest

from rag.errors import IndexUnavailable, UpstreamUnavailable
from rag.index_pointer import IndexTarget
from rag.models import Candidate, Embeddings, Principal, ScoredChunk
from rag.reranking import Reranked
from rag.retrieval import Retriever
from rag.tuning import tuning_of
from ragctl.evaluation.datasets import Dataset
from ragctl.evaluation.ranking import Ranker, parts
from ragctl.evaluation.retrieval import measured, table
from ragctl.failure import Failure
from tests.fakes.fixed_results import FixedResults, Live, Unreadable, found
from tests.fakes.memory_cache import MemoryCache

DATASET = Dataset("tiny", 3, {"q1": "one", "q2": "two"}, {"q1": {"a": 1}, "q2": {"b": 2, "c": 1}})


class CountingEmbedder:
    """An embedder that counts the texts that it was given."""

    model = "m"
    dimensions = 2
    endpoint = "http://models"

    def __init__(self) -> None:
        self.texts: list[str] = []

    def embed(self, texts: Sequence[str]) -> Embeddings:
        self.texts += texts
        return Embeddings([array("f", [1, 0]) for _ in texts], len(texts))


def ranker(store: FixedResults, embedder: CountingEmbedder | None = None, **fields: object) -> Ranker:
    return Ranker(
        Retriever(lambda _: store, Live(), tuning_of), embedder or CountingEmbedder(), MemoryCache(),
        IndexTarget(model="m", dimensions=2), Principal("acme"), **fields,  # type: ignore[arg-type]
    )  # fmt: skip


def chunks(*documents: str) -> list[ScoredChunk]:
    """Return a chunk for each, best first."""
    return [found(1 - number / 1_000, document_id=document) for number, document in enumerate(documents)]


def test_a_document_stands_where_its_best_chunk_does() -> None:
    ranks = ranker(FixedResults(*chunks("b", "a", "b", "c", "a")))
    assert ranks.documents("dense", ranks.embedded(["q"])) == [["b", "a", "c"]]


def test_a_deeper_search_fills_up_to_a_hundred_documents() -> None:
    long = [f"d{number // 3}" for number in range(900)]
    ranks = ranker(FixedResults(*chunks(*long)))
    (documents,) = ranks.documents("dense", ranks.embedded(["q"]))
    assert documents == [f"d{number}" for number in range(100)]


def test_what_a_deeper_search_ranks_otherwise_stays_below_what_a_search_for_ten_ranks() -> None:
    store = FixedResults(*chunks(*[f"d{number}" for number in range(300)]), lexical=[found(9.0, document_id="d250")])
    ranks = ranker(store)
    (shallow,) = ranks.candidates("hybrid", ranks.embedded(["q"]))
    (documents,) = ranks.documents("hybrid", ranks.embedded(["q"]))
    assert documents[:50] == [candidate.chunk.document_id for candidate in shallow][:50]


def test_texts_are_embedded_once() -> None:
    embedder = CountingEmbedder()
    ranks = ranker(FixedResults(), embedder)
    ranks.embedded(["one", "two", "one"])
    ranks.embedded(["two", "three"])
    assert sorted(embedder.texts) == ["one", "three", "two"]


def test_a_reranker_decides_the_order_and_its_failures_are_kept() -> None:
    def turned(question: str, candidates: Sequence[Candidate]) -> Reranked:
        return Reranked(list(candidates), "late") if question == "two" else Reranked(list(candidates)[::-1])

    ranks = ranker(FixedResults(*chunks("a", "b")), reranked=turned)
    assert ranks.documents("reranked", ranks.embedded(["one", "two"])) == [["b", "a"], ["a", "b"]]
    assert ranks.failures == ["late"]


def test_each_mode_is_measured_and_timed() -> None:
    store = FixedResults(*chunks("a", "b"), lexical=chunks("c", "b", "a"))
    rows = {row.mode: row for row in measured(ranker(store), DATASET, ["dense", "lexical"], lambda _: None)}
    assert rows["dense"].values["mrr@10"] == {"q1": 1.0, "q2": 0.5}
    assert rows["lexical"].values["mrr@10"] == {"q1": pytest.approx(1 / 3), "q2": 1.0}
    assert rows["dense"].values["recall@5"] == {"q1": 1.0, "q2": 0.5}
    assert all(0 < row.p50 <= row.p95 for row in rows.values())


def test_a_row_is_as_the_design_says() -> None:
    (row,) = measured(ranker(FixedResults(*chunks("a", "b", "c"))), DATASET, ["dense"], lambda _: None)
    told = row.as_object(DATASET)
    assert list(told) == [
        "dataset", "documents", "queries", "mode", "ndcg@10", "recall@5", "recall@100", "mrr@10", "latency_ms",
    ]  # fmt: skip
    assert (told["dataset"], told["documents"], told["queries"], told["mode"]) == ("tiny", 3, 2, "dense")
    assert (told["recall@5"], told["mrr@10"], set(told["latency_ms"])) == (1.0, 0.75, {"p50", "p95"})


def test_the_table_has_the_modes_side_by_side() -> None:
    store = FixedResults(*chunks("a", "b", "c"), lexical=chunks("a"))
    rows = measured(ranker(store), DATASET, ["dense", "lexical"], lambda _: None)
    lines = list(table(DATASET, rows))
    assert lines[0] == "tiny: 3 documents, 2 queries"
    assert [line.split()[0] for line in lines[2:5]] == ["mode", "dense", "lexical"]
    assert lines[3].split()[3:5] == ["1.0000", "0.7500"]


def test_a_tenant_without_documents_is_no_measurement() -> None:
    with pytest.raises(Failure, match="the tenant acme holds no documents"):
        measured(ranker(FixedResults()), DATASET, ["dense"], lambda _: None)


def broken(question: str, candidates: Sequence[Candidate]) -> Reranked:
    """Rerank nothing for one of two questions."""
    return Reranked(list(candidates), "late" if question == "two" else None)


def test_a_reranker_that_fails_is_left_out_and_fails_the_run_that_asked_for_it() -> None:
    told = list[str]()
    rows = measured(
        ranker(FixedResults(*chunks("a")), reranked=broken), DATASET, ["hybrid", "reranked"], told.append,
        all_of_them=False,
    )  # fmt: skip
    assert [row.mode for row in rows] == ["hybrid"]
    assert [line for line in told if "failed" in line] == [
        "Left out: reranked. The reranker failed for 1 of 2 queries. First: late"
    ]
    with pytest.raises(Failure, match="failed for 1 of 2 queries"):
        measured(ranker(FixedResults(*chunks("a")), reranked=broken), DATASET, ["reranked"], told.append)


def test_a_reranker_that_fails_while_it_is_timed_is_told() -> None:
    asked, told = list[str](), list[str]()

    def tiring(question: str, candidates: Sequence[Candidate]) -> Reranked:
        asked.append(question)
        return Reranked(list(candidates), "late" if len(asked) > len(DATASET.queries) else None)

    (row,) = measured(ranker(FixedResults(*chunks("a")), reranked=tiring), DATASET, ["reranked"], told.append)
    assert row.mode == "reranked"
    assert told[-1] == "The reranker failed 2 times while it was timed. First: late"


class WithoutWords(FixedResults):
    """An index that was made for vectors alone."""

    def lexical(self, texts: Sequence[str], principal: Principal, top_k: int, where: object) -> list[list[ScoredChunk]]:
        raise IndexUnavailable("The index was made without words.")


def test_a_mode_that_the_index_was_not_made_for_is_left_out_unless_it_was_asked_for() -> None:
    ranks, told = ranker(WithoutWords(*chunks("a"))), list[str]()
    rows = measured(ranks, DATASET, ["dense", "lexical", "hybrid"], told.append, all_of_them=False)
    assert [row.mode for row in rows] == ["dense"]
    assert "Left out: lexical. The index was made without words." in told
    with pytest.raises(IndexUnavailable):
        measured(ranks, DATASET, ["dense", "lexical"], told.append)
    with pytest.raises(IndexUnavailable):
        measured(ranks, DATASET, ["lexical"], told.append, all_of_them=False)


def test_what_the_registry_cannot_tell_is_an_error_and_no_low_value() -> None:
    ranks = Ranker(
        Retriever(lambda _: FixedResults(*chunks("a")), Unreadable(), tuning_of), CountingEmbedder(), MemoryCache(),
        IndexTarget(model="m", dimensions=2), Principal("acme"),
    )  # fmt: skip
    with pytest.raises(UpstreamUnavailable):
        measured(ranks, DATASET, ["dense"], lambda _: None)


def test_parts_hold_everything_in_order() -> None:
    assert parts([1, 2, 3, 4, 5], 2) == [[1, 2], [3, 4], [5]]
    assert parts([], 2) == []
