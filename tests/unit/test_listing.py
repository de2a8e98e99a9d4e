"""The registry's entries as tables."""

import io
import json
import sys

import pytest

from rag.registration import Registration
from ragctl.listing import Records, as_object, entry_lines, file_as_object, table_lines

LONG = "reports/" + "x" * 100 + "/end.md"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def entry(document_id: str, **told: object) -> Registration:
    return Registration("default", document_id, revision=1, updated_at="2026-11-22T11:00:00Z", **told)  # type: ignore[arg-type]


def test_a_table_fits_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "80")

    lines = list(table_lines([entry(LONG, status="failed", error="because " * 20)]))

    assert max(map(len, lines)) == 80
    assert lines[1].startswith("failed         0  2026-11-22 11:00  reports/x")
    assert lines[1].endswith("x/end.md")


def test_without_a_terminal_nothing_is_cut() -> None:
    assert list(table_lines([entry(LONG)]))[-1].endswith(LONG)


def test_an_entry_says_what_readers_see() -> None:
    told = "\n".join(entry_lines(entry("a.md", live_version="1-a", versions={"1-a": 3}, groups=("hr",))))

    assert "version 1-a, 3 chunks" in told
    assert "hr" in told


def test_a_hidden_document_says_what_it_waits_for() -> None:
    assert any("until a sidecar names its groups" in line for line in entry_lines(entry("a.md", hidden=True)))


def test_an_entry_as_an_object_is_json() -> None:
    assert json.loads(json.dumps(as_object(entry("a.md", groups=("hr",)))))["groups"] == ["hr"]


def test_a_whole_number_is_shown_as_it_was_given() -> None:
    told = "\n".join(entry_lines(entry("a.md", metadata={"year": 2027.0, "share": 0.5, "open": True})))

    assert "open=True, share=0.5, year=2027" in told
    assert "2027.0" not in told


FILE = entry("c.jsonl", status="ready", source="c.jsonl", hidden=True)
RECORDS = [
    entry("r1", status="ready", live_version="1-a", versions={"1-a": 3}, groups=("hr",)),
    entry("r2", status="failed", groups=("hr",)),
    entry("r3", status="deleted"),
]


def test_a_file_of_records_is_told_by_its_records() -> None:
    told = "\n".join(entry_lines(FILE, Records.of(RECORDS)))

    assert "records         2: 1 failed, 1 ready" in told
    assert "readers see     3 chunks" in told
    assert "readers         hr" in told
    assert "nobody" not in told


def test_records_with_other_readers_are_counted_apart() -> None:
    told = "\n".join(entry_lines(FILE, Records.of([*RECORDS, entry("r4"), entry("r5", hidden=True)])))

    assert "the whole tenant (1 record); hr (2 records); nobody, until a sidecar names its groups (1 record)" in told


def test_a_file_as_an_object_counts_its_records() -> None:
    told = file_as_object(FILE, Records.of(RECORDS))

    assert (told["records"], told["chunks"]) == ({"ready": 1, "failed": 1}, 3)
    assert (told["groups"], told["hidden"]) == (["hr"], False)


def test_a_file_of_records_has_no_chunks_in_the_table() -> None:
    assert list(table_lines([FILE], files=True))[1].split()[:2] == ["ready", "-"]
