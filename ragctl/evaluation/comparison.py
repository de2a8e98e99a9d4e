"""A measurement against an earlier one: what changed, and what dropped by more than the noise."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from ragctl.evaluation.bootstrap import Interval, paired_interval
from ragctl.evaluation.measurement import ANSWERS, Measurement, PerQuery
from ragctl.failure import Failure


@dataclass(frozen=True)
class Change:
    """How the mean of one metric of one mode has changed."""

    mode: str
    metric: str
    before: float
    after: float
    interval: Interval

    @property
    def dropped(self) -> bool:
        """Whether it is lower than chance explains: the whole interval lies below zero."""
        return self.interval.high < 0

    @property
    def rose(self) -> bool:
        """Whether it is higher than chance explains."""
        return self.interval.low > 0

    def line(self) -> str:
        """Return it as a sentence."""
        amount = f"{self.before:.4f} → {self.after:.4f} ({self.interval.mean:+.4f}"
        within = f"95 % of resamples within {self.interval.low:+.4f} to {self.interval.high:+.4f})"
        verdict = "DROPPED" if self.dropped else "rose" if self.rose else "changed within the noise"
        return f"{self.mode} {self.metric} {verdict}: {amount}; {within}"


def check_comparable(baseline: Measurement, dataset: str, queries: Collection[str]) -> None:
    """Tell beforehand if rankings of these queries cannot be compared.

    Raises:
        Failure: the baseline is of another dataset, or of other queries.
    """
    _same_dataset(baseline, dataset)
    for mode, metrics in baseline.values.items():
        for metric, per_query in metrics.items() if mode != ANSWERS else ():
            _same(list(per_query), list(queries), f"queries of {mode} {metric}")


def compared(baseline: Measurement, now: Measurement) -> list[Change]:
    """Return the change of each metric of each mode, in the baseline's order.

    Raises:
        Failure: they are not of the same dataset, modes, metrics and queries.
    """
    _same_dataset(baseline, now.dataset)
    _same(list(baseline.values), list(now.values), "modes")
    return [
        _change(mode, metric, before, after)
        for mode, metrics in baseline.values.items()
        for metric, before, after in _paired_metrics(mode, metrics, now.values[mode])
    ]


def _paired_metrics(
    mode: str, before: Mapping[str, PerQuery], after: Mapping[str, PerQuery]
) -> Iterator[tuple[str, PerQuery, PerQuery]]:
    _same(list(before), list(after), f"metrics of {mode}")
    for metric, per_query in before.items():
        _same(list(per_query), list(after[metric]), f"queries of {mode} {metric}")
        yield metric, per_query, after[metric]


def _change(mode: str, metric: str, before: PerQuery, after: PerQuery) -> Change:
    differences = [after[query] - before[query] for query in before]
    return Change(mode, metric, fmean(before.values()), fmean(after.values()), paired_interval(differences))


def _same_dataset(baseline: Measurement, dataset: str) -> None:
    if baseline.dataset != dataset:
        raise Failure(f"The baseline is of {baseline.dataset}, this is {dataset}: they cannot be compared.")


def _same(before: Sequence[str], after: Sequence[str], what: str) -> None:
    there, known = set(after), set(before)
    gone = [one for one in before if one not in there]
    new = [one for one in after if one not in known]
    if not gone and not new:
        return
    parts = [f"{label}: {_some(found)}" for label, found in (("only before", gone), ("only now", new)) if found]
    raise Failure(
        f"The baseline has other {what} than this measurement ({'; '.join(parts)}). "
        "Measure the same, or write the baseline anew with --save."
    )


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3:,} more"
