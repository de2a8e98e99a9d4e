"""What an ingestion has done so far, for people and for programs."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rag.ingestion.contracts import RunSummary
from rag.ingestion.results import Outcome, Result, Spent
from ragctl.rendering import counted, printable
from ragctl.retrying import STUCK_AFTER_MINUTES, on_their_way_line

_FAILURES_SHOWN: Final = 20


@dataclass
class LoadReport:
    """Sums up the outcomes of documents: ready, unchanged, failed, deleted or superseded."""

    tenant: str
    total: int  # documents as far as they can be counted beforehand
    run: str | None = None
    uploaded: int = 0  # files
    begun: bool = False  # whether what is uploaded is ingested, also if nobody waits for it
    on_their_way: int | None = None  # documents that a retry leaves alone for now
    spent: Spent = field(default_factory=Spent)
    summary: RunSummary | None = None  # of a run that has ended: it knows of what no step could report
    started: float = field(default_factory=time.monotonic)
    _refused: list[Result] = field(default_factory=list)
    _results: dict[tuple[str, str], Result] = field(default_factory=dict)

    def refuse(self, document_id: str, reason: str, source: str = "") -> None:
        """Take up a document that failed before the system heard of it."""
        self._refused.append(Result(document_id, "failed", reason, source=source))

    def add(self, result: Result) -> None:
        """Take up a document's outcome; a later one replaces an earlier one."""
        self._results[result.document_id, result.source] = result

    def conclude(self, summary: RunSummary) -> None:
        """Take up how a run has ended; its summary also tells of documents that it never reached."""
        reported = {result.document_id for result in self.failures}
        for failure in summary.failures:
            if failure["document_id"] not in reported:
                self.add(Result(failure["document_id"], "failed", failure["reason"]))
        self.spent = Spent(summary.embedded, summary.reused, summary.tokens, summary.cost_usd)
        self.summary = summary

    def forget(self) -> None:
        """Begin anew, with what the system tells."""
        self._results.clear()
        self.spent = Spent()

    def count(self, status: Outcome) -> int:
        """Return how many documents have this outcome so far."""
        refused = len(self._refused) if status == "failed" else 0
        if self.summary is not None:
            return refused + int(getattr(self.summary, status, 0))
        return refused + Counter(result.status for result in self._results.values())[status]

    @property
    def failures(self) -> list[Result]:
        """What failed, with the reasons."""
        failed = [result for result in self._results.values() if result.status == "failed"]
        return sorted(self._refused + failed, key=lambda result: (result.document_id, result.source))

    @property
    def done(self) -> int:
        """Documents that are dealt with."""
        return len(self._refused) + (len(self._results) if self.summary is None else self.summary.documents)

    @property
    def chunks(self) -> int:
        """Chunks of the documents that are ready."""
        return sum(result.chunks for result in self._results.values())

    @property
    def succeeded(self) -> bool:
        """Whether there was something to ingest, and nothing of it failed."""
        return self.done > 0 and self.count("failed") == 0

    def as_object(self) -> dict[str, Any]:
        """Return the report as plain objects."""
        return {
            "tenant": self.tenant,
            "run": self.run,
            "documents": self.done,
            "ready": self.count("ready"),
            "unchanged": self.count("unchanged"),
            "failed": self.count("failed"),
            "deleted": self.count("deleted"),
            "superseded": self.count("superseded"),
            "chunks": self.chunks,
            "embedded": self.spent.embedded,
            "reused": self.spent.reused,
            "tokens": self.spent.tokens,
            "cost_usd": self.spent.cost_usd,
            "seconds": round(time.monotonic() - self.started, 2),
            "failures": failures_as_objects(self.failures),
        } | ({} if self.on_their_way is None else {"on_their_way": self.on_their_way})

    def lines(self) -> Iterator[str]:
        """Yield what was done, as lines of text."""
        if not self.done:
            yield "No documents were found." if self.on_their_way is None else "Nothing has failed."
        else:
            yield from self._outcome_lines()
        if self.on_their_way:
            yield on_their_way_line(self.on_their_way, STUCK_AFTER_MINUTES)

    def _outcome_lines(self) -> Iterator[str]:
        yield f"{', '.join(self._counts())}, in {time.monotonic() - self.started:.1f} s."
        cost = f"{counted(self.spent.tokens, 'token')}, {dollars(self.spent.cost_usd)}"
        yield (
            f"{counted(self.chunks, 'chunk')}: {self.spent.embedded:,} embedded ({cost}), {self.spent.reused:,} reused."
        )

    def _counts(self) -> Iterator[str]:
        statuses: tuple[Outcome, ...] = ("ready", "unchanged", "failed", "deleted", "superseded")
        counts = [f"{count:,} {status}" for status in statuses if (count := self.count(status))]
        yield f"{counted(self.done, 'document')}: {counts[0]}"
        yield from counts[1:]


def complaints(failures: Sequence[Result]) -> Iterator[str]:
    """Yield what failed and why, as lines of text."""
    for failure in failures[:_FAILURES_SHOWN]:
        held = f" in {printable(failure.source)}" if failure.source not in ("", failure.document_id) else ""
        yield f"failed: {printable(failure.document_id)}{held}: {printable(failure.reason)}"
    if len(failures) > _FAILURES_SHOWN:
        yield f"failed: {len(failures) - _FAILURES_SHOWN:,} more (--json lists all)"


def failures_as_objects(failures: Iterable[Result]) -> list[dict[str, str]]:
    """Return what failed and why, as plain objects."""
    return [
        {"document_id": one.document_id, "source": one.source or one.document_id, "reason": one.reason}
        for one in failures
    ]


def dollars(cost: float | None) -> str:
    """Return a cost as a person reads it."""
    if cost is None:
        return "at a price that is not known"
    return f"${cost:.2f}" if cost >= 1 or cost == 0 else f"${cost:.6f}"
