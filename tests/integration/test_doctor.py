"""`rag doctor` on the local stack: what is damaged between registry and index is found, and mended."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from typer.testing import CliRunner

from rag.clock import now
from rag.identity import chunk_id
from rag.models import IndexedChunk
from rag.ports import ChunkIndex
from rag.registration import Origin, Registration, claim
from ragctl import wiring
from ragctl.asking import Asker
from ragctl.cli import app
from ragctl.deployment import Deployment
from tests.integration.conftest import live_index

LEAVE = "How many days of paid leave does an employee have?"
LONG_AGO = "2020-01-01T00:00:00Z"
EVENT = Path(__file__).parents[2] / "events" / "doctor.json"
COUNTS = ("orphans", "missing", "stuck", "unreaped")


@pytest.fixture
def tenant(local_stack: Deployment, monkeypatch: pytest.MonkeyPatch) -> str:
    assert local_stack.endpoint
    monkeypatch.setenv("RAG_ENDPOINT", local_stack.endpoint)
    return f"t-{uuid4().hex[:12]}"


@pytest.fixture
def index(local_stack: Deployment) -> ChunkIndex:
    return live_index(local_stack)


@pytest.fixture(autouse=True)
def ingested(tenant: str, tmp_path: Path) -> None:
    (tmp_path / "leave.md").write_text("# Leave policy\n\nEvery employee has 25 days of paid leave per year.\n")
    (tmp_path / "trains.md").write_text("# Trains\n\nTrain tickets are booked in second class.\n")
    outcome = run("ingest", tmp_path / "leave.md", tmp_path / "trains.md", "--tenant", tenant)
    assert outcome.exit_code == 0, outcome.output


def run(*arguments: object) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def doctor(tenant: str, *options: str) -> dict[str, Any]:
    result = run("doctor", "--tenant", tenant, "--json", *options)
    assert result.stdout, result
    return {**json.loads(result.stdout), "exit": result.exit_code}


def entry(deployment: Deployment, tenant: str, name: str) -> Registration:
    return wiring.registry(deployment).load(tenant, [name])[name]


def live_ids(known: Registration) -> list[str]:
    return [chunk_id(known.tenant, known.document_id, known.live_version, n) for n in range(known.chunks)]


def test_what_was_just_ingested_is_sound(tenant: str) -> None:
    found = doctor(tenant)

    assert (found["ok"], found["documents"], found["chunks"], found["exit"]) == (True, 2, 2, 0)


def test_damages_are_found_named_and_mended(local_stack: Deployment, tenant: str, index: ChunkIndex) -> None:
    leave, trains = (entry(local_stack, tenant, name) for name in ("leave.md", "trains.md"))
    [held] = index.fetch(tenant, live_ids(trains))
    orphan = replace(held.chunk, chunk_id=chunk_id(tenant, "trains.md", "0-gone", 0), version="0-gone")
    index.upsert(tenant, [IndexedChunk(orphan, held.vector)])
    index.delete(tenant, live_ids(leave))

    found = doctor(tenant)
    told = run("doctor", "--tenant", tenant)
    mended = doctor(tenant, "--fix")

    assert [found[name] for name in COUNTS] == [1, 1, 0, 0]
    assert {(one["kind"], one["document_id"]) for one in found["findings"]} == {
        ("orphan", "trains.md"),
        ("missing", "leave.md"),
    }
    assert (found["ok"], found["exit"], told.exit_code) == (False, 1, 1)
    assert "rag doctor --fix" in told.stdout
    assert (mended["ok"], mended["exit"], mended["failures"]) == (True, 0, [])
    assert (mended["before"]["orphans"], mended["before"]["missing"]) == (1, 1)
    after = entry(local_stack, tenant, "leave.md")
    assert set(index.ids(tenant)) == {*live_ids(after), *live_ids(trains)}
    citations = Asker(local_stack).ask({"query": LEAVE, "tenant": tenant}).output["citations"]
    assert [citation["document_id"] for citation in citations] == ["leave.md"]


def test_what_is_stuck_or_unreaped_gets_on(local_stack: Deployment, tenant: str, index: ChunkIndex) -> None:
    registry = wiring.registry(local_stack)
    leave, trains = (entry(local_stack, tenant, name) for name in ("leave.md", "trains.md"))
    stuck = claim(leave, Origin("broken off"), leave.source, leave.key, LONG_AGO).entry
    unreaped = replace(trains, versions={**trains.versions, "0-old": 1}, updated_at=LONG_AGO)
    assert not registry.store([stuck, unreaped])

    found = doctor(tenant)
    mended = doctor(tenant, "--fix")

    assert [found[name] for name in COUNTS] == [0, 0, 1, 1]
    assert (mended["ok"], mended["exit"], mended["failures"]) == (True, 0, [])
    assert entry(local_stack, tenant, "leave.md").status == "ready"
    assert entry(local_stack, tenant, "trains.md").versions == trains.versions


def test_what_cannot_be_mended_is_told_with_its_reason(local_stack: Deployment, tenant: str, index: ChunkIndex) -> None:
    leave = entry(local_stack, tenant, "leave.md")
    no_event_counts = replace(leave, seen={leave.key: "F" * 30})
    assert not wiring.registry(local_stack).store([no_event_counts])
    index.delete(tenant, live_ids(leave))
    wiring.objects(local_stack).delete([leave.key])

    mended = doctor(tenant, "--fix")

    assert (mended["ok"], mended["exit"], mended["missing"]) == (False, 1, 1)
    assert [(one["document_id"], "upload" in one["reason"].lower()) for one in mended["failures"]] == [
        ("leave.md", True)
    ]


def test_the_function_that_runs_every_night_counts_the_same(local_stack: Deployment) -> None:
    result = run("invoke", "DoctorFunction", "--event", EVENT)

    assert result.exit_code == 0, result.output
    assert {"documents", "chunks", "unfilled", *COUNTS} <= set(json.loads(result.stdout))


def test_what_is_on_its_way_is_no_finding(local_stack: Deployment, tenant: str) -> None:
    leave = entry(local_stack, tenant, "leave.md")
    begun = claim(leave, Origin("under way"), leave.source, leave.key, now()).entry
    assert not wiring.registry(local_stack).store([begun])

    found = doctor(tenant)

    assert (found["ok"], found["stuck"], found["on_their_way"], found["exit"]) == (True, 0, 1, 0)
