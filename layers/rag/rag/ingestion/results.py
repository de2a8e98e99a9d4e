"""What the functions of a bulk run report of each document, for the run's last state to add up."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Literal

import msgspec

from rag.ingestion.contracts import Work
from rag.objects import RUNS, ObjectInfo
from rag.ports import ObjectStore

Step = Literal["read", "regroup", "publish", "fail"]  # in the order of a work's states: the last that tells, counts
Outcome = Literal["staged", "ready", "unchanged", "failed", "deleted", "superseded"]

STEPS: Final[tuple[Step, ...]] = ("read", "regroup", "publish", "fail")
_READERS: Final = 16


class Result(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a step ended for a document; `staged` is one that later steps go on with. `source` is the file it is in.

    `told` is what readers of that file are told where the reason is for operators alone.
    """

    document_id: str
    status: Outcome
    reason: str = ""
    chunks: int = 0
    source: str = ""
    told: str = ""


class Spent(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the embedding of a work took. `cost_usd` is None where the model's price is not known."""

    embedded: int = 0
    reused: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0

    def __add__(self, other: "Spent") -> "Spent":
        unknown = self.cost_usd is None or other.cost_usd is None
        return Spent(
            self.embedded + other.embedded,
            self.reused + other.reused,
            self.tokens + other.tokens,
            None if unknown else (self.cost_usd or 0.0) + (other.cost_usd or 0.0),
        )


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one step reports of one item of a run.

    `unreadable` counts records that could not even be named, `refused` those whose id is another one's.
    """

    documents: list[Result] = []
    spent: Spent = Spent()
    unreadable: int = 0
    refused: int = 0


def write_results(
    objects: ObjectStore,
    work: Work,
    step: Step,
    results: Sequence[Result],
    spent: Spent = Spent(),  # noqa: B008 a frozen value
    *,
    unreadable: int = 0,
    refused: int = 0,
) -> None:
    """Report how a step ended; outside of a bulk run nobody asks. Written again, it takes the place of the former."""
    if work.run is None or work.number is None:
        return
    report = Report(list(results), spent, unreadable, refused)
    objects.write(f"{_folder(work.run)}{work.number:06}-{step}.json", msgspec.json.encode(report))


def read_results(objects: ObjectStore, run: str) -> Iterator[tuple[int, Step, Report]]:
    """Yield the reports of a run with their item's number and step, those of an item in the order of its steps."""
    with ThreadPoolExecutor(_READERS, thread_name_prefix="results") as readers:
        found = sorted(_named(info) for info in objects.list(_folder(run)))
        for first in range(0, len(found), _READERS):  # a window, so that few of them are in memory at a time
            window = found[first : first + _READERS]
            contents = readers.map(lambda item: objects.read(item[2]), window)
            for (number, rank, _), content in zip(window, contents, strict=True):
                if content is not None:
                    yield number, STEPS[rank], msgspec.json.decode(content.data, type=Report)


def _named(info: ObjectInfo) -> tuple[int, int, str]:
    number, _, step = info.key.rpartition("/")[2].removesuffix(".json").partition("-")
    return int(number), [str(name) for name in STEPS].index(step), info.key


def _folder(run: str) -> str:
    return f"{RUNS}{run}/results/"
