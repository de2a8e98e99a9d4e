"""Whether anything that retrieval found is relevant at all, judged on the legs' raw scores."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Self

from rag.coverage import coverage
from rag.errors import InvalidRequest
from rag.models import Candidate

FEATURES: Final = ("dense", "lexical", "coverage")

_NUMBER: Final = r"[+-]?\d+(?:\.\d+)?(?:e[+-]?\d+)?"
_TERM: Final = re.compile(rf"({_NUMBER}) ({'|'.join(FEATURES)})\Z")
_ALWAYS: Final = "always"
_READ: Final = 10  # candidates whose words count for the coverage


@dataclass(frozen=True, slots=True)
class RelevanceRule:
    """Admits a question's candidates when the weighted sum of their features reaches a threshold.

    Features, 0 where there is none: `dense`, the best cosine among the candidates; `lexical`, the best BM25, whose
    scale depends on the size of the collection; `coverage`, the largest part of the question's words that one of the
    first ten holds. Written as `1 dense + 0.4 coverage >= 0.3`, or as `always`.
    """

    weights: Mapping[str, float]
    threshold: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the rule that is written so.

        Raises:
            InvalidRequest: it is malformed.
        """
        if text.strip() == _ALWAYS:
            return cls({}, -math.inf)
        total, _, threshold = text.partition(">=")
        terms = [_TERM.match(" ".join(term.split())) for term in total.split(" + ")]
        weights = {term[2]: float(term[1]) for term in terms if term}
        if (
            not re.fullmatch(_NUMBER, threshold.strip())
            or len(weights) < len(terms)  # one is malformed, or two have the same feature
            or not all(map(math.isfinite, (*weights.values(), float(threshold))))
        ):
            raise InvalidRequest(f"A relevance rule is written as {_ALWAYS}, or as 1 dense + 0.4 coverage >= 0.3.")
        return cls(weights, float(threshold))

    def __str__(self) -> str:
        if not self.weights:
            return _ALWAYS
        total = " + ".join(f"{weight:g} {feature}" for feature, weight in self.weights.items())
        return f"{total} >= {self.threshold:g}"

    def admits(self, candidates: Sequence[Candidate], question: str) -> bool:
        """Tell whether the candidates are worth a model call; no candidates never are."""
        return bool(candidates) and self.total(candidates, question) >= self.threshold

    def total(self, candidates: Sequence[Candidate], question: str) -> float:
        """Return the weighted sum that the threshold is held against."""
        found = features(candidates, question)
        return sum(weight * found[feature] for feature, weight in self.weights.items())


def features(candidates: Sequence[Candidate], question: str) -> dict[str, float]:
    """Return what rules weigh, by name."""
    return {
        "dense": max((found.dense for found in candidates if found.dense is not None), default=0.0),
        "lexical": max((found.lexical for found in candidates if found.lexical is not None), default=0.0),
        "coverage": coverage(question, [found.chunk for found in candidates[:_READ]]),
    }
