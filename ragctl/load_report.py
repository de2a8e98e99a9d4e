"""What a load has done so far, for people and for programs."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from rag.documents.document import Rejected
from rag.loading import Loaded, Progress

_FAILURES_SHOWN: Final = 20


@dataclass
class LoadReport:
    """Sums up a load's progress."""

    loaded: Loaded = field(default_factory=Loaded)
    failures: list[Rejected] = field(default_factory=list)
    cache_failures: int = 0
    started: float = field(default_factory=time.monotonic)

    @property
    def documents(self) -> int:
        """Documents that are dealt with, loaded or failed."""
        return self.loaded.documents + len(self.failures)

    @property
    def succeeded(self) -> bool:
        """Whether there was something to load, and all of it was."""
        return self.loaded.documents > 0 and not self.failures

    def add(self, step: Progress) -> None:
        """Take up one step of the load."""
        if isinstance(step, Rejected):
            self.failures.append(step)
        else:
            self.loaded += step

    def cache_failed(self) -> None:
        """Count a request that the embedding cache did not answer."""
        self.cache_failures += 1

    def as_object(self) -> dict[str, Any]:
        """Return the report as plain objects."""
        return {
            **asdict(self.loaded),
            "seconds": round(time.monotonic() - self.started, 2),
            "cache_failures": self.cache_failures,
            "failures": [asdict(failure) for failure in self.failures],
        }

    def lines(self) -> Iterator[str]:
        """Yield what was loaded, as lines of text."""
        told = self.as_object()
        yield (
            "{documents:,} documents, {chunks:,} chunks: {embedded:,} embedded, {reused:,} reused, "
            "{unchanged:,} unchanged, {deleted:,} outdated ones deleted, in {seconds:.1f} s."
        ).format(**told)
        if self.cache_failures:
            yield f"The embedding cache failed {self.cache_failures:,} times; what it missed was embedded anew."
        if not self.documents:
            yield "No documents were found."

    def complaints(self) -> Iterator[str]:
        """Yield what was not loaded and why, as lines of text."""
        for failure in self.failures[:_FAILURES_SHOWN]:
            yield f"Not loaded: {failure.document_id}: {failure.reason}"
        if len(self.failures) > _FAILURES_SHOWN:
            yield f"Not loaded: {len(self.failures) - _FAILURES_SHOWN:,} more (--json lists all)."


@contextmanager
def progress_bar(total: int) -> Iterator[Callable[[LoadReport], None]]:
    """Give a function that shows a report as a bar on standard error, where that is a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("Loading"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("documents, {task.fields[chunks]:,} chunks"),
        TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, chunks=0)
        yield lambda report: bar.update(task, completed=report.documents, chunks=report.loaded.chunks)
