"""Logistic regression on a handful of features."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

_RIDGE: Final = 1.0  # on standardised features
_STEPS: Final = 25


@dataclass(frozen=True)
class Logistic:
    """The probability of yes is 1 / (1 + exp(-(bias + weights · features)))."""

    weights: tuple[float, ...]
    bias: float

    @classmethod
    def fitted(cls, rows: Sequence[Sequence[float]], yes: Sequence[bool]) -> Self:
        """Return the model of examples; yes and no weigh the same in all, however many there are of each.

        Newton's method (iteratively reweighted least squares) with a ridge on the standardised features: Hastie,
        Tibshirani and Friedman, The Elements of Statistical Learning, 4.4.1 and 3.4.1.
        """
        import numpy as np

        data = np.asarray(rows, dtype=np.float64)
        truth = np.asarray(yes, dtype=np.float64)
        mean, spread = data.mean(axis=0), data.std(axis=0)
        spread[spread == 0] = 1.0
        design = np.column_stack([np.ones(len(data)), (data - mean) / spread])
        share = truth.mean()
        importance = np.where(truth == 1, 0.5 / share, 0.5 / (1 - share))
        ridge = np.diag([0.0] + [_RIDGE] * data.shape[1])
        found = np.zeros(design.shape[1])
        for _ in range(_STEPS):
            probable = 1 / (1 + np.exp(-design @ found))
            slope = design.T @ (importance * (truth - probable)) - ridge @ found
            curve = (design * (importance * probable * (1 - probable))[:, None]).T @ design + ridge
            step = np.linalg.solve(curve, slope)
            found += step
            if np.abs(step).max() < 1e-10:
                break
        weights = found[1:] / spread
        return cls(tuple(map(float, weights)), float(found[0] - weights @ mean))

    def total_at(self, probability: float) -> float:
        """Return the weighted sum of features at which the model gives this probability."""
        return math.log(probability / (1 - probability)) - self.bias
