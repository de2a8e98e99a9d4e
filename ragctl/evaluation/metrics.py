"""What a ranking is worth: trec_eval's ndcg_cut_10, recall_5 and recall_100, and recip_rank within the first ten.

Definitions: trec_eval 9, m_ndcg_cut.c, m_recall.c and m_recip_rank.c. A judgement above 0 is relevant and is its own
gain (2 counts twice as much as 1, not three times); a document that nobody judged gains nothing. Where trec_eval breaks
ties by document id, these take the ranking as it is: what production shows first is first.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final

Judgements = Mapping[str, int]  # of one query: document id to grade


def ndcg(ranking: Sequence[str], judged: Judgements, cutoff: int) -> float:
    """Return the gain of the first `cutoff` documents, each discounted by log2(rank + 1), as a share of the best."""
    ideal = _discounted(sorted(judged.values(), reverse=True)[:cutoff])
    return _discounted(judged.get(document, 0) for document in ranking[:cutoff]) / ideal if ideal else 0.0


def recall(ranking: Sequence[str], judged: Judgements, cutoff: int) -> float:
    """Return the share of the relevant documents that are among the first `cutoff`."""
    wanted = relevant(judged)
    return len(wanted.intersection(ranking[:cutoff])) / len(wanted) if wanted else 0.0


def reciprocal_rank(ranking: Sequence[str], judged: Judgements, cutoff: int) -> float:
    """Return 1 / the rank of the first relevant document, or 0 if none is among the first `cutoff`."""
    wanted = relevant(judged)
    return next((1 / rank for rank, document in enumerate(ranking[:cutoff], 1) if document in wanted), 0.0)


def relevant(judged: Judgements) -> set[str]:
    """Return the documents that are judged relevant."""
    return {document for document, grade in judged.items() if grade > 0}


METRICS: Final[Mapping[str, Callable[[Sequence[str], Judgements], float]]] = {
    "ndcg@10": partial(ndcg, cutoff=10),
    "recall@5": partial(recall, cutoff=5),
    "recall@100": partial(recall, cutoff=100),
    "mrr@10": partial(reciprocal_rank, cutoff=10),
}
DEPTH: Final = 100  # documents that the metrics look at


def _discounted(grades: Iterable[int]) -> float:
    return sum(grade / math.log2(rank + 1) for rank, grade in enumerate(grades, 1) if grade > 0)
