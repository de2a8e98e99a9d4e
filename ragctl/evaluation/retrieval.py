"""How good retrieval is: every query of a dataset ranked in several ways, each judged and timed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles
from typing import Any, Final

from rag.errors import IndexUnavailable
from ragctl.evaluation.datasets import Dataset
from ragctl.evaluation.measurement import PerQuery
from ragctl.evaluation.metrics import METRICS
from ragctl.evaluation.ranking import Progress, Ranker, RankingName
from ragctl.failure import Failure

TIMED: Final = 100  # queries whose latency is measured, one after the other


@dataclass(frozen=True)
class Row:
    """What one way of ranking came to. `values` is metric to query id to value; latency is in milliseconds."""

    mode: RankingName
    values: Mapping[str, PerQuery]
    p50: float
    p95: float

    def mean(self, metric: str) -> float:
        """Return the metric's mean over the queries."""
        return fmean(self.values[metric].values())

    def as_object(self, dataset: Dataset) -> dict[str, Any]:
        """Return it as plain objects."""
        return {
            "dataset": dataset.name,
            "documents": dataset.documents,
            "queries": len(dataset.queries),
            "mode": self.mode,
            **{metric: round(self.mean(metric), 4) for metric in METRICS},
            "latency_ms": {"p50": round(self.p50, 1), "p95": round(self.p95, 1)},
        }


def measured(
    ranker: Ranker, dataset: Dataset, modes: Sequence[RankingName], progress: Progress, *, all_of_them: bool = True
) -> list[Row]:
    """Return a row for each mode, or unless it must be `all_of_them` for each that the deployment can rank in.

    Raises:
        Failure: nothing at all was found, or the reranker failed.
        RagError: as the embedder, the store and the registry do.
    """
    texts = list(dataset.queries.values())
    progress(f"embedding {len(texts):,} queries")
    questions = ranker.embedded(texts)
    values: dict[RankingName, dict[str, dict[str, float]]] = {}
    for mode in modes:
        progress(f"ranking: {mode}")
        try:
            rankings = dict(zip(dataset.queries, ranker.documents(mode, questions), strict=True))
        except IndexUnavailable as error:
            if all_of_them or (mode == modes[-1] and not values):
                raise
            progress(f"Left out: {mode}. {error}")
            continue
        if mode == "reranked" and ranker.failures:
            count = f"{len(ranker.failures):,} of {len(texts):,} queries"
            failed = f"The reranker failed for {count}. First: {ranker.failures[0]}"
            if all_of_them:
                raise Failure(failed)
            progress(f"Left out: {mode}. {failed}")
            continue
        if not any(rankings.values()):
            raise Failure(f"Nothing was found in {mode} mode: the tenant {ranker.principal.tenant} holds no documents.")
        values[mode] = {
            metric: {query: worth(rankings[query], dataset.judgements[query]) for query in rankings}
            for metric, worth in METRICS.items()
        }
    progress(f"timing {min(TIMED, len(texts))} queries, one after the other")
    taken = _latencies(ranker, list(values), texts[:TIMED])
    if "reranked" in values and ranker.failures:
        progress(f"The reranker failed {len(ranker.failures):,} times while it was timed. First: {ranker.failures[0]}")
    return [Row(mode, values[mode], *_percentiles(taken[mode])) for mode in values]


def table(dataset: Dataset, rows: Sequence[Row]) -> Iterator[str]:
    """Yield the rows side by side, as lines of text."""
    timed = min(TIMED, len(dataset.queries))
    yield f"{dataset.name}: {dataset.documents:,} documents, {len(dataset.queries):,} queries"
    yield ""
    yield f"{'mode':10}" + "".join(f"{metric:>12}" for metric in METRICS) + f"{'p50 ms':>10}{'p95 ms':>10}"
    for row in rows:
        quality = "".join(f"{row.mean(metric):12.4f}" for metric in METRICS)
        yield f"{row.mode:10}{quality}{row.p50:10.1f}{row.p95:10.1f}"
    yield ""
    yield f"Latency: embedding and search of {timed} queries, one after the other, each in every mode in turn."


def _latencies(ranker: Ranker, modes: Sequence[RankingName], texts: Sequence[str]) -> dict[RankingName, list[float]]:
    """Return the milliseconds of each query in each mode; the modes take turns at being first."""
    taken: dict[RankingName, list[float]] = {mode: [] for mode in modes}
    for number, text in enumerate(texts):
        turn = number % len(modes)
        for mode, seconds in ranker.seconds([*modes[turn:], *modes[:turn]], text).items():
            taken[mode].append(seconds * 1_000)
    return taken


def _percentiles(taken: Sequence[float]) -> tuple[float, float]:
    if len(taken) == 1:
        return taken[0], taken[0]
    cuts = quantiles(taken, n=100, method="inclusive")
    return cuts[49], cuts[94]
