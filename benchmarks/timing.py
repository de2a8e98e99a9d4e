"""Times as percentiles."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Timing:
    """Milliseconds of repeated runs."""

    p50: float
    p95: float
    runs: int

    @classmethod
    def of(cls, run: Callable[[int], object], runs: int, warm_up: int = 5) -> Self:
        """Time `run`, which is given the number of its turn; the warm-up's turns are not counted."""
        for turn in range(warm_up):
            run(turn)
        taken = []
        for turn in range(warm_up, warm_up + runs):
            started = time.perf_counter()
            run(turn)
            taken.append((time.perf_counter() - started) * 1_000)
        return cls.from_milliseconds(taken)

    @classmethod
    def from_milliseconds(cls, taken: list[float]) -> Self:
        """Summarise measured times."""
        return cls(statistics.median(taken), statistics.quantiles(taken, n=20)[-1], len(taken))

    def __str__(self) -> str:
        return f"{self.p50:.1f} | {self.p95:.1f} | {self.runs}"
