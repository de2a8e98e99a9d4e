"""Whatever the order of events, and wherever an execution dies: the newest wins, and nothing else is left or seen."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.ingestion import packing
from rag.objects import STAGING
from tests.fakes.ingestion_stage import LIVE, TENANT, IngestionStage

PATH = "handbook.md"
GROUPS = ("hr", "it")
SHARED = "\n\n".join(f"Rule {number} says that everybody asks desk {number * 7} before noon." for number in range(6))
FIRST, SECOND = f"Written first, in the old days.\n\n{SHARED}", f"{SHARED}\n\nWritten second, and much later than that."


class Killed(BaseException):
    """The execution is gone."""


FunctionKilled = type("Lambda.AWSLambdaException", (Exception,), {})  # what the machine is told then


@pytest.fixture(autouse=True, scope="module")
def small_batches() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packing, "MAX_CHUNKS", 3)
        yield


class Execution(threading.Thread):
    """An execution that makes one step, up to its next write, whenever it is let."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._go, self._rests = threading.Semaphore(0), threading.Semaphore(0)
        self.over = False
        self.error: BaseException | None = None
        self.start()

    def run(self) -> None:
        self._go.acquire()
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - told to whoever steps
            self.error = error
        self.over = True
        self._rests.release()

    def step(self) -> None:
        """Let it go on to its next write, or to its end."""
        self._go.release()
        self._rests.acquire()
        if self.error is not None:
            raise self.error

    def rest(self) -> None:
        """Wait, as itself, to be stepped again."""
        self._rests.release()
        self._go.acquire()


def rest_if_stepped() -> None:
    running = threading.current_thread()
    if isinstance(running, Execution):
        running.rest()


def deliver_all(stage: IngestionStage, changes: list[Callable[[], Any]], copies: int, random: Random) -> None:
    """Make the changes in their order, deliver each event some times; chance picks who goes on, and how far."""
    stage.announce = rest_if_stepped
    upcoming, running, started = list(changes), list[Execution](), 0
    while upcoming or running:
        choice = random.randrange(len(running) + bool(upcoming))
        if choice == len(running):
            event = upcoming.pop(0)()
            for _ in range(copies):
                started += 1
                running.append(execution(stage, event, f"execution-{started}"))
            continue
        for _ in range(random.choice([1, 3, 10, 30, 100])):
            if not running[choice].over:
                running[choice].step()
                expect_one_whole_version(stage)
        running = [one for one in running if not one.over]


def execution(stage: IngestionStage, event: dict[str, Any], name: str) -> Execution:
    return Execution(lambda: stage.run(event, name))


def expect_one_whole_version(stage: IngestionStage) -> None:
    entry = stage.registry.load(TENANT, [PATH])[PATH]
    held = set(stage.indexes[LIVE.slug].ids(TENANT))
    assert stage.wanted_ids(PATH) <= held, "what is live is complete"
    seen = {one.chunk.chunk_id for one in stage.seen_by(*GROUPS)}
    assert seen <= stage.wanted_ids(PATH)
    if not entry.groups:
        assert seen == stage.wanted_ids(PATH), "readers see all of one version, or nothing"
    if entry.groups:
        assert not stage.seen_by(), "nobody else sees it"


def expect_newest(stage: IngestionStage, text: str | None, groups: tuple[str, ...]) -> None:
    index = stage.indexes[LIVE.slug]
    entry = stage.registry.load(TENANT, [PATH])[PATH]
    assert set(index.ids(TENANT)) == stage.wanted_ids(PATH)
    assert set(entry.versions) == ({entry.live_version} if entry.live_version else set())
    assert list(stage.bucket.list(STAGING)) == []
    chunks = [item.chunk for item in index.fetch(TENANT, sorted(stage.wanted_ids(PATH)))]
    assert {chunk.groups for chunk in chunks} <= {groups}
    if text is None:
        assert entry.status in ("deleted", "pending")
        assert not chunks
    else:
        assert entry.status == "ready"
        ends = {position for chunk in chunks for position in range(chunk.start, chunk.end)}
        assert all(position in ends for position, character in enumerate(text) if not character.isspace())
        assert all(text[chunk.start : chunk.end] == chunk.text for chunk in chunks)
        assert entry.indexed_attributes == entry.attributes


CHANGES = ["put 1", "put 2", "delete", "sidecar 1", "sidecar 2"]


def made(stage: IngestionStage, change: str) -> Callable[[], Any]:
    match change:
        case "put 1":
            return lambda: stage.put(PATH, FIRST)
        case "put 2":
            return lambda: stage.put(PATH, SECOND)
        case "delete":
            return lambda: stage.delete(PATH)
        case "sidecar 1":
            return lambda: stage.put_sidecar(PATH, "hr")
        case _:
            return lambda: stage.put_sidecar(PATH, "it")


def newest(changes: list[str]) -> tuple[str | None, tuple[str, ...]]:
    text: str | None = None
    groups: tuple[str, ...] = ()
    for change in changes:
        text = {"put 1": FIRST, "put 2": SECOND, "delete": None}.get(change, text)
        groups = {"sidecar 1": ("hr",), "sidecar 2": ("it",)}.get(change, groups)
    return text, groups


@settings(max_examples=150)
@given(st.permutations(CHANGES), st.integers(1, 5), st.integers(1, 3), st.randoms(use_true_random=False))
def test_every_order_and_interleaving_ends_with_the_newest(
    changes: list[str], number: int, copies: int, random: Random
) -> None:
    stage = IngestionStage()
    changes = changes[:number]

    deliver_all(stage, [made(stage, change) for change in changes], copies, random)

    expect_newest(stage, *newest(changes))


@pytest.mark.parametrize("later", ["put 1", "delete", "sidecar 1", "sidecar 2", "the same"])
@pytest.mark.parametrize("earlier", ["put 2", "delete", "sidecar 1"])
def test_an_execution_may_rest_at_any_write_while_another_one_runs(earlier: str, later: str) -> None:
    steps, over = 1, False
    while not over:
        stage = IngestionStage()
        stage.run(stage.put(PATH, FIRST), "first")
        stage.announce = rest_if_stepped
        event = made(stage, earlier)()
        slow = execution(stage, event, "slow")
        for _ in range(steps):
            if not slow.over:
                slow.step()
        over = slow.over

        stage.run(event if later == "the same" else made(stage, later)(), "fast")
        expect_one_whole_version(stage)
        while not slow.over:
            slow.step()
            expect_one_whole_version(stage)

        expect_newest(stage, *newest(["put 1", earlier, *([] if later == "the same" else [later])]))
        steps += 1
    assert steps > 5


def kill_at(stage: IngestionStage, moment: int, error: type[BaseException]) -> Callable[[], int]:
    """Kill whoever makes or has made the write of this number; return what counts these moments."""
    passed = 0

    def announce() -> None:
        nonlocal passed
        expect_one_whole_version(stage)
        passed += 1
        if passed == moment:
            raise error

    stage.announce = announce
    return lambda: passed


@pytest.mark.parametrize("change", ["put 2", "delete", "sidecar 1"])
@pytest.mark.parametrize("error", [FunctionKilled, Killed])
def test_killed_at_any_write_and_delivered_again_it_ends_as_if_nothing_had_happened(
    change: str, error: type[BaseException]
) -> None:
    moment, moments = 1, 1
    while moment <= moments:
        stage = IngestionStage()
        stage.run(stage.put(PATH, FIRST), "first")
        event = made(stage, change)()
        count = kill_at(stage, moment, error)
        with suppress(Killed):
            stage.run(event, "killed")
        stage.run(event, "again")

        moment, moments = moment + 1, count()
        text, groups = newest(["put 1", change])
        if error is Killed:
            forget_staging_as_the_bucket_does(stage)
        expect_newest(stage, text, groups)
    assert moments >= 10


def forget_staging_as_the_bucket_does(stage: IngestionStage) -> None:
    stage.bucket.delete([info.key for info in stage.bucket.list(STAGING)])


@settings(max_examples=100)
@given(st.permutations(CHANGES), st.integers(2, 4), st.integers(1, 300))
def test_a_dead_execution_does_not_hinder_those_that_follow(changes: list[str], number: int, moment: int) -> None:
    stage = IngestionStage()
    changes = changes[:number]
    first, *others = [(change, made(stage, change)()) for change in changes]
    kill_at(stage, moment, Killed)

    for name, (_, event) in enumerate([*others, first, first]):
        with suppress(Killed):
            stage.run(event, f"attempt-{name}")
            continue
        stage.run(event, f"delivered-again-{name}")

    forget_staging_as_the_bucket_does(stage)
    expect_newest(stage, *newest(changes))


def test_a_changed_paragraph_of_a_long_document_embeds_few_chunks() -> None:
    stage = IngestionStage()
    rules = [f"Rule {number}: " + " ".join(f"case {number}.{case}" for case in range(6)) + "." for number in range(150)]
    stage.run(stage.put(PATH, "\n\n".join(rules)), "first")
    assert stage.registry.load(TENANT, [PATH])[PATH].chunks >= 100
    embedder = stage.embedders[LIVE.slug]
    embedder.texts.clear()
    rules[70] = "Rule 70: since May there are other cases, and they are told apart by their date."

    stage.run(stage.put(PATH, "\n\n".join(rules)), "second")

    assert 1 <= len(embedder.texts) <= 3
