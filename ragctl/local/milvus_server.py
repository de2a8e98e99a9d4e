"""Milvus Lite's server, with BM25 counted over all of a partition, as Milvus itself does it.

Milvus Lite counts words per segment, and how many segments there are depends on how fast documents came in: the same
collection would rank otherwise after every load. Run as a module, with the arguments of `milvus_lite`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, Final

from milvus_lite.cmdline import main
from milvus_lite.engine.collection import Collection

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


if __name__ == "__main__":
    count_over_partitions()
    raise SystemExit(main())
