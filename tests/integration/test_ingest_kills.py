"""Functions are killed at every write of an ingestion, and the event comes again: as if nothing had happened."""

import json
import logging
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event as Pause
from typing import Any, Final

import pytest

from rag.adapters.milvus_schema import create_milvus_collection
from rag.identity import collection_name
from ragctl.local import presence
from tests.fakes.kill_gate import KillGate, When
from tests.fakes.milvus_lite import MilvusLite
from tests.integration.conftest import ROOT, stack_of
from tests.integration.ingestion_site import Event, IngestionSite

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells whose connection it is")

Seen = Mapping[str, frozenset[str]]  # the texts found of each document

_log = logging.getLogger(__name__)
_LOOK_SECONDS: Final = 0.1

THOROUGH: Final = "a new version"  # between two writes it is the same, whether the first one's answer came or not
PATH: Final = "handbook.md"
SHARED: Final = "\n\n".join(
    f"# Rule {number}\n\n" + f"Rule {number} says that everybody asks desk {number * 7} before noon. " * 3
    for number in range(4)
)
FIRST, SECOND = f"Rule one of the old days.\n\n{SHARED}", f"{SHARED}\n\nThe last rule was written much later than that."
OLD_RECORDS: Final = "".join(json.dumps({"_id": f"r{n}", "text": f"The rule of record {n}."}) + "\n" for n in (1, 2, 3))
NEW_RECORDS: Final = "".join(
    json.dumps({"_id": f"r{n}", "text": text}) + "\n"
    for n, text in ((2, "The rule of record 2."), (3, "Another rule for record 3."), (4, "The rule of record 4."))
)

Step = Callable[[IngestionSite, str], Event]


@dataclass(frozen=True)
class Scenario:
    """What a tenant has, and the change on which functions are killed."""

    name: str
    given: tuple[Step, ...]
    change: Step


SCENARIOS: Final = [
    Scenario("a new document", (), lambda site, tenant: site.put(tenant, PATH, FIRST)),
    Scenario(
        "a new version",
        (lambda site, tenant: site.put(tenant, PATH, FIRST),),
        lambda site, tenant: site.put(tenant, PATH, SECOND),
    ),
    Scenario(
        "a sidecar",
        (lambda site, tenant: site.put(tenant, PATH, FIRST),),
        lambda site, tenant: site.put_sidecar(tenant, PATH, "hr"),
    ),
    Scenario(
        "a deletion",
        (lambda site, tenant: site.put(tenant, PATH, FIRST),),
        lambda site, tenant: site.delete(tenant, PATH),
    ),
    Scenario(
        "records of a file",
        (lambda site, tenant: site.put(tenant, "rules.jsonl", OLD_RECORDS),),
        lambda site, tenant: site.put(tenant, "rules.jsonl", NEW_RECORDS),
    ),
]


@dataclass(frozen=True)
class Undisturbed:
    """How the change goes when nobody is killed: its writes, what it ends with, and what is seen before and after."""

    writes: list[str]
    outcome: dict[str, Any]
    before: Seen
    after: Seen

    def expect_one_version_of_each(self, seen: Seen, earlier: Seen) -> None:
        """Each document is seen as it was or as it becomes, whole; and once it has become so, it stays so."""
        for name in self.before.keys() | self.after.keys() | seen.keys():
            old, new, now = self.before.get(name), self.after.get(name), seen.get(name)
            assert now in (old, new), f"{name} is neither as it was nor as it becomes"
            assert now == new or earlier.get(name) == old, f"{name} goes back to what it was"


@dataclass(frozen=True)
class Yard:
    """A stack behind a gate."""

    site: IngestionSite
    gate: KillGate

    def undisturbed(self, scenario: Scenario) -> Undisturbed:
        """Make the change while only counting what it writes."""
        tenant = self._given(scenario)
        before = self.site.found(tenant)
        watch = self.gate.watch(tenant)
        self.site.deliver(scenario.change(self.site, tenant))
        return Undisturbed(watch.writes, self.site.outcome(tenant), before, self.site.found(tenant))

    def killed(self, scenario: Scenario, kills: Mapping[int, When], expected: Undisturbed) -> "Outcome":
        """Make the change, kill whoever makes these writes, deliver the event again, and compare."""
        tenant = self._given(scenario)
        watch = self.gate.watch(tenant, kills)
        try:
            self._expect_the_same(tenant, scenario, expected)
        except AssertionError as error:
            return Outcome([*map(_kind, watch.killed)], f"{kills} of {watch.writes}: {error}")
        return Outcome([*map(_kind, watch.killed)], "")

    def _expect_the_same(self, tenant: str, scenario: Scenario, expected: Undisturbed) -> None:
        event = scenario.change(self.site, tenant)
        seen = self._delivered(tenant, event, expected, expected.before)

        self.gate.watch(tenant)
        seen = self._delivered(tenant, event, expected, seen, ends="SUCCEEDED")

        assert seen == expected.after
        assert [*differences(self.site.outcome(tenant), expected.outcome)] == []
        assert {one.chunk.version for one in self.site.chunks(tenant)} <= {
            entry.live_version for entry in self.site.entries(tenant)
        }

    def _delivered(self, tenant: str, event: Event, expected: Undisturbed, seen: Seen, ends: str = "") -> Seen:
        """Deliver an event, and ask a question all the time until the execution has ended, and once more."""
        execution, pause = self.site.start(event), Pause()
        running = True
        while running:
            running = (status := self.site.status(execution)) == "RUNNING"
            now = self.site.found(tenant)
            expected.expect_one_version_of_each(now, seen)
            seen = now
            pause.wait(_LOOK_SECONDS if running else 0)
        assert ends in ("", status)
        return seen

    def _given(self, scenario: Scenario) -> str:
        tenant = self.gate.tenant()
        for step in scenario.given:
            self.site.deliver(step(self.site, tenant))
        return tenant


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    directory = tmp_path_factory.mktemp("kills")
    with MilvusLite(directory / "milvus") as milvus, KillGate(milvus.uri) as gate:
        create_milvus_collection(None, milvus.uri, collection_name("wordllama-256", 256), 256)
        template = _template_with(directory, gate.variables)
        parameters = {
            "MilvusUri": gate.milvus_uri, "ChunkSize": "50", "ChunkOverlap": "10", "RelevanceRule": "always",
            "MergedPassageTokens": "0",
        }  # fmt: skip
        with stack_of(template, directory / "data", parameters) as deployment:
            running = presence.find(directory / "data")
            assert running is not None
            gate.open(running.endpoint, running.pid)
            site = IngestionSite(deployment)
            site.quieten()
            yield Yard(site, gate)


def _template_with(directory: Path, variables: Mapping[str, str]) -> Path:
    """Return a copy of the project's template that gives its functions more variables."""
    for name in ("api", "functions", "layers", "statemachine"):
        (directory / name).symlink_to(ROOT / name)
    anchor = "        LOG_LEVEL: !Ref LogLevel\n"
    added = "".join(f"        {name}: {value}\n" for name, value in variables.items())
    text = (ROOT / "template.yaml").read_text()
    assert text.count(anchor) == 1
    template = directory / "template.yaml"
    template.write_text(text.replace(anchor, anchor + added))
    return template


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_whoever_is_killed_at_any_write_the_event_that_comes_again_ends_the_same(
    yard: Yard, scenario: Scenario
) -> None:
    expected = yard.undisturbed(scenario)
    moments = range(1, len(expected.writes) + 1)
    kills: list[dict[int, When]] = [{moment: "before"} for moment in moments]
    kills += [{moment: "after"} for moment in moments if scenario.name == THOROUGH or moment == moments[-1]]

    outcomes = all_killed(yard, scenario, kills, expected)

    tell(scenario, outcomes)
    assert {write for outcome in outcomes for write in outcome.killed} >= {*map(_kind, expected.writes)}
    assert [outcome for outcome in outcomes if outcome.problem] == []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nor_does_it_matter_that_the_one_who_notes_the_failure_is_killed_as_well(
    yard: Yard, scenario: Scenario
) -> None:
    expected = yard.undisturbed(scenario)
    functions = [write.partition(":")[0] for write in expected.writes]
    firsts = [functions.index(function) + 1 for function in dict.fromkeys(functions)]
    kills: list[dict[int, When]] = [{moment: "before", moment + 1: "before"} for moment in firsts]

    outcomes = all_killed(yard, scenario, kills, expected)

    tell(scenario, outcomes)
    assert "fail_document: PutItem" in {write for outcome in outcomes for write in outcome.killed}
    assert [outcome for outcome in outcomes if outcome.problem] == []


@dataclass(frozen=True)
class Outcome:
    """What was written by those who were killed, and how the end differs from an undisturbed one."""

    killed: list[str]
    problem: str


def all_killed(yard: Yard, scenario: Scenario, kills: list[dict[int, When]], expected: Undisturbed) -> list[Outcome]:
    """Try each, some side by side."""
    with ThreadPoolExecutor(os.cpu_count()) as side_by_side:
        return list(side_by_side.map(lambda one: yard.killed(scenario, one, expected), kills))


def tell(scenario: Scenario, outcomes: list[Outcome]) -> None:
    """Log how many there were: pytest --log-cli-level=INFO shows it."""
    converged = sum(not outcome.problem for outcome in outcomes if outcome.killed)
    _log.info("%s: %d of %d converged; killed at: %s", scenario.name, converged, len(outcomes), outcomes)


def differences(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Yield where two outcomes differ."""
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        one, other = dict(enumerate(one)), dict(enumerate(other))
    if isinstance(one, dict) and isinstance(other, dict):
        for name in [*one, *(other.keys() - one.keys())]:
            yield from differences(one.get(name), other.get(name), f"{at}.{name}")
    elif one != other:
        yield f"{at} is {one!r}, not {other!r}"


def _kind(write: str) -> str:
    return write.partition(" ")[0] + " " + write.split()[1]
