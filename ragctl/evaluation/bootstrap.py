"""Whether a difference is more than the luck of which queries were asked: a paired bootstrap over the queries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CONFIDENCE: Final = 0.95
_RESAMPLES: Final = 10_000
_AT_ONCE: Final = 200  # resamples held in memory
_SEED: Final = 20_261_122


@dataclass(frozen=True)
class Interval:
    """A mean difference, and the interval that holds 95 % of the means of resampled queries."""

    mean: float
    low: float
    high: float


def paired_interval(differences: Sequence[float]) -> Interval:
    """Return the interval of the mean of per-query differences (percentile bootstrap, a fixed seed).

    Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13; for retrieval, Sakai, Evaluating
    evaluation metrics based on the bootstrap, SIGIR 2006.
    """
    import numpy as np

    values = np.asarray(differences, dtype=np.float64)
    random = np.random.default_rng(_SEED)
    means = [
        values[random.integers(0, len(values), size=(_AT_ONCE, len(values)))].mean(axis=1)
        for _ in range(_RESAMPLES // _AT_ONCE)
    ]
    outside = (1 - CONFIDENCE) / 2
    low, high = np.quantile(np.concatenate(means), [outside, 1 - outside])
    return Interval(float(values.mean()), float(low), float(high))
