"""Following uploads in the registry: only what it says of these very uploads counts."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import pytest

from rag.registration import Registration
from ragctl import following
from ragctl.following import Following
from ragctl.load_report import LoadReport
from ragctl.sources import Stored
from ragctl.uploading import Uploaded
from tests.fakes.memory_registry import MemoryRegistry

TENANT = "default"
READY = Registration(
    TENANT, "a.md", turn=1, origin="o", source="a.md", key="documents/default/a.md", object_version="v2", status="ready"
)
READY = replace(READY, live_version=READY.version, versions={READY.version: 3}, indexed_attributes=READY.attributes)


@dataclass
class Executions:
    """Stands in for the machine; `on_pause` is what happens between two looks."""

    ended: list[dict[str, Any]] = field(default_factory=list)
    batches: list[dict[str, Any]] = field(default_factory=list)
    caught: dict[str, Any] = field(default_factory=dict)
    pause: float = 0.0

    def since(self, moment: datetime) -> Iterator[Mapping[str, Any]]:
        yield from self.ended

    def output_of(self, execution: str, state: str) -> Any:
        return {"batches": self.batches, **self.caught} if state == "IngestBatches" else None


def upload(version: str = "v2", path: str = "a.md") -> Uploaded:
    return Uploaded(path, f"documents/{TENANT}/{path}", 10, Stored("etag", version), None)


def execution(status: str, version: str = "v2", **told: str) -> dict[str, Any]:
    detail = {"object": {"key": f"documents/{TENANT}/a.md", "version-id": version}}
    return {"executionArn": "arn:run-1", "status": status, "input": json.dumps({"detail": detail}), **told}


def follow(
    *entries: Registration, then: list[Registration] | None = None, machine: Executions | None = None
) -> dict[str, Any]:
    """Follow one upload of a.md; each look at the registry that finds nothing is followed by the next of `then`."""
    registry, later = MemoryRegistry(), list(then or [])
    registry.store(entries)

    def show(_: LoadReport) -> None:
        if later:
            entry = later.pop(0)
            registry.store([replace(entry, revision=registry.load(TENANT, [entry.document_id])["a.md"].revision)])

    report = LoadReport(TENANT, 1)
    Following(registry, machine or Executions(), report, show).follow([upload()])
    return report.as_object()


def test_a_document_is_ready_when_the_registry_says_so_of_this_upload() -> None:
    told = follow(READY)

    assert (told["ready"], told["failed"], told["chunks"]) == (1, 0, 3)


def test_an_earlier_uploads_outcome_is_not_taken_for_this_ones() -> None:
    earlier = replace(READY, object_version="v1", status="failed", error="Too old.")

    assert follow(earlier, then=[earlier, READY])["failures"] == []


def test_readiness_waits_for_the_index_to_carry_the_groups() -> None:
    regrouped = replace(READY, groups=("hr",))

    told = follow(regrouped, then=[regrouped, replace(regrouped, indexed_attributes=regrouped.attributes)])

    assert told["ready"] == 1


def test_a_document_that_kept_its_version_is_unchanged() -> None:
    assert follow(replace(READY, turn=2))["unchanged"] == 1


def test_a_failure_is_told_with_its_reason() -> None:
    told = follow(replace(READY, status="failed", error="password needed"))

    assert [failure["reason"] for failure in told["failures"]] == ["password needed"]


def test_an_id_that_another_file_holds_is_a_failure() -> None:
    told = follow(replace(READY, source="corpus.jsonl", object_version="other"))

    assert "corpus.jsonl" in told["failures"][0]["reason"]


def test_an_execution_that_failed_without_a_word_in_the_registry_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_STALLED_SECONDS", 0.0)

    told = follow(machine=Executions([execution("FAILED", error="InternalError", cause="A defect.")]))

    assert told["failures"][0]["reason"] == "InternalError: A defect. (execution run-1)"


def test_an_upload_that_another_one_replaced_is_superseded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "_STALLED_SECONDS", 0.0)

    told = follow(replace(READY, object_version="v3"), machine=Executions([execution("SUCCEEDED")]))

    assert (told["superseded"], told["failed"]) == (1, 0)


def test_what_embedding_took_is_added_up_from_the_uploads_own_executions() -> None:
    embedded = {"chunks": 3, "embedded": 2, "reused": 1, "tokens": 40, "cost_usd": None}
    machine = Executions([execution("SUCCEEDED"), execution("SUCCEEDED", "v1")], [{"batch": 0, "embedded": embedded}])

    told = follow(READY, machine=machine)

    assert (told["embedded"], told["reused"], told["tokens"], told["cost_usd"]) == (2, 1, 40, None)


def test_batches_that_failed_have_nothing_to_add() -> None:
    asked = [{"batch": 0, "target": {"model": "m", "dimensions": 2, "host": ""}}]
    machine = Executions([execution("SUCCEEDED")], asked, caught={"error": {"Error": "QuotaExhausted", "Cause": ""}})

    told = follow(replace(READY, status="failed", error="No credit."), machine=machine)

    assert (told["failed"], told["embedded"], told["tokens"]) == (1, 0, 0)
