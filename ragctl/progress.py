"""How an ingestion is going, on standard error: live on a terminal, else a line now and then."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import typer

from ragctl.load_report import LoadReport, dollars

_QUIET_SECONDS: Final = 10.0  # between lines, where there is no terminal

Show = Callable[[LoadReport], None]


@contextmanager
def progress_view() -> Iterator[Show]:
    """Give a function that shows a report as it is now."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _line_now_and_then()
        return
    columns = BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("uploading", total=None)

        def show(report: LoadReport) -> None:
            total = max(report.total, report.done) or None
            bar.update(task, completed=report.done, total=total, description=_told(report))

        yield show


def _line_now_and_then() -> Show:
    last = time.monotonic()

    def show(report: LoadReport) -> None:
        nonlocal last
        if time.monotonic() - last >= _QUIET_SECONDS:
            last = time.monotonic()
            typer.echo(f"{report.done:,} of {report.total:,} documents: {_told(report)}", err=True)

    return show


def _told(report: LoadReport) -> str:
    if not report.done and report.uploaded:
        return f"{report.uploaded:,} files uploaded"
    ready = report.count("ready") + report.count("unchanged")
    parts = [f"{ready:,} ready", f"{report.count('failed'):,} failed", f"{report.chunks:,} chunks"]
    if report.spent.embedded or report.spent.reused:
        parts.append(f"{report.spent.embedded:,} embedded, {report.spent.reused:,} reused")
        parts.append(dollars(report.spent.cost_usd))
    return ", ".join(parts)


@contextmanager
def answer_view(total: int) -> Iterator[Callable[[int], None]]:
    """Give a function that shows how many of the questions of a batch have an answer."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _answers_now_and_then(total)
        return
    columns = BarColumn(), MofNCompleteColumn(), TextColumn("questions"), TimeElapsedColumn()
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("answering", total=total)
        yield lambda done: bar.update(task, completed=done)


def _answers_now_and_then(total: int) -> Callable[[int], None]:
    last = time.monotonic()

    def show(done: int) -> None:
        nonlocal last
        if time.monotonic() - last >= _QUIET_SECONDS:
            last = time.monotonic()
            typer.echo(f"{done:,} of {total:,} questions have an answer", err=True)

    return show
