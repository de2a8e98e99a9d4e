"""BM25 of Milvus Lite, counted over all of a partition, as Milvus itself does it, and computed word by word in numpy.

Milvus Lite counts words per segment, and how many segments there are depends on how fast documents came in: the same
collection would rank otherwise after every load. And it adds up scores chunk by chunk in Python, which holds up
whatever else the server does.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

import numpy as np
from milvus_lite.engine.collection import Collection
from milvus_lite.index.sparse_inverted import SparseInvertedIndex
from numpy.typing import NDArray

_METRIC: Final = "BM25"


@dataclass(frozen=True)
class Statistics:
    """What BM25 counts: chunks, the words of all of them, and the chunks that hold each word."""

    chunks: int
    words: float
    holding: Counter[int]

    @classmethod
    def of(cls, index: Any) -> "Statistics":
        """Return what one segment's index counted when it was built."""
        return cls(index.doc_count, index.avgdl * index.doc_count, Counter(index._df))

    @classmethod
    def total(cls, parts: Sequence["Statistics"]) -> "Statistics":
        """Return the sum of several."""
        holding: Counter[int] = Counter()
        for part in parts:
            holding.update(part.holding)
        return cls(sum(part.chunks for part in parts), sum(part.words for part in parts), holding)


def share(indexes: Sequence[Any]) -> None:
    """Give the indexes of one partition's segments the statistics of all of them."""
    together = frozenset(map(id, indexes))
    if all(getattr(index, "shared_by", None) == together for index in indexes):
        return
    for index in indexes:
        if not hasattr(index, "own"):
            index.own = Statistics.of(index)
    total = Statistics.total([index.own for index in indexes])
    for index in indexes:
        index.doc_count, index._df = total.chunks, total.holding
        index.avgdl = total.words / total.chunks if total.chunks else 0.0
        index.shared_by = together


def count_over_partitions() -> None:
    """Have every BM25 search share the statistics of the segments that it reads."""
    search = Collection._search_sparse

    @wraps(search)
    def sharing(self: Any, *, vector_field: str, metric_type: str, partition_names: Any, **rest: Any) -> Any:
        def searched() -> Any:
            given = {"vector_field": vector_field, "metric_type": metric_type, "partition_names": partition_names}
            return search(self, **given, **rest)

        if metric_type == _METRIC:
            segments = [
                segment
                for segment in self._read_snapshot()[0]
                if len(segment.pks) and (not partition_names or segment.partition in partition_names)
            ]
            if any(vector_field not in segment.sparse_indexes for segment in segments):
                searched()  # it builds them
            for indexes in _by_partition(segments, vector_field):
                share(indexes)
        return searched()

    Collection._search_sparse = sharing


def _by_partition(segments: Iterable[Any], vector_field: str) -> Iterable[list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for segment in segments:
        if (index := segment.sparse_indexes.get(vector_field)) is not None:
            found[segment.partition].append(index)
    return found.values()


def score_by_word() -> None:
    """Have every segment's index score all chunks that hold a word at once."""

    def search(
        self: Any, queries: Sequence[Mapping[int, float]], top_k: int, valid_mask: NDArray[np.bool_] | None = None
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        rows = np.full((len(queries), top_k), -1, dtype=np.int64)
        distances = np.full((len(queries), top_k), np.inf, dtype=np.float32)
        for number, query in enumerate(queries):
            scores = _scores(self, query)
            if valid_mask is not None:
                scores[~valid_mask] = 0.0
            found = np.flatnonzero(scores)
            best = found[np.argsort(-scores[found], kind="stable")[:top_k]]
            rows[number, : len(best)] = best
            distances[number, : len(best)] = -scores[best]
        return rows, distances

    SparseInvertedIndex.search = search


def _scores(index: Any, query: Mapping[int, float]) -> NDArray[np.float64]:
    """Return the BM25 of each chunk of a segment; every word's inverse document frequency is positive."""
    scores = np.zeros(len(index._doc_lengths))
    lengths = index.k1 * (1.0 - index.b + index.b * index._doc_lengths.astype(np.float64) / (index.avgdl or 1.0))
    for word, weight in query.items():
        rows, counts = _holding(index, word)
        if len(rows):
            rarity = math.log((index.doc_count - index._df[word] + 0.5) / (index._df[word] + 0.5) + 1.0)
            scores[rows] += weight * rarity * counts * (index.k1 + 1.0) / (counts + lengths[rows])
    return scores


def _holding(index: Any, word: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the chunks that hold a word, and how often each does."""
    known = index.__dict__.setdefault("arrays", {})
    if word not in known:
        postings = index._posting_lists.get(word, ())
        known[word] = (
            np.array([row for row, _ in postings], dtype=np.int64),
            np.array([count for _, count in postings], dtype=np.float64),
        )
    arrays: tuple[NDArray[np.int64], NDArray[np.float64]] = known[word]
    return arrays
