"""What one run of `rag eval` found, for people, for programs, and as a baseline for later runs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragctl.evaluation.answers import Verdict, per_question, summary, summary_lines
from ragctl.evaluation.datasets import Dataset
from ragctl.evaluation.fusion_curve import FusionCurve
from ragctl.evaluation.measurement import ANSWERS, Measurement
from ragctl.evaluation.retrieval import Row, table


@dataclass(frozen=True)
class Outcome:
    """Retrieval in each mode, the answers if they were asked for, and the curve of fusion weights if it was."""

    dataset: Dataset
    rows: Sequence[Row]
    verdicts: Sequence[Verdict] = field(default=())
    curve: FusionCurve | None = None

    def measurement(self) -> Measurement:
        """Return each query's values."""
        answers = {ANSWERS: per_question(self.verdicts)} if self.verdicts else {}
        return Measurement.rounded(self.dataset.name, {**{row.mode: row.values for row in self.rows}, **answers})

    def as_object(self) -> dict[str, Any] | list[dict[str, Any]]:
        """Return one object for one mode and a list for several, or a summary of the answers with these in it."""
        rows = [row.as_object(self.dataset) for row in self.rows]
        if self.verdicts:
            return {**summary(self.verdicts), "retrieval": rows}
        return rows[0] if len(rows) == 1 else rows

    def lines(self) -> Iterator[str]:
        """Yield what a person reads."""
        yield from table(self.dataset, self.rows)
        if self.verdicts:
            yield ""
            yield from summary_lines(summary(self.verdicts))
