"""The fail state: reasons that a person can act on, and what a work leaves behind that somebody overtook."""

import json
from typing import Any

import pytest

from rag.ingestion.failures import reason_of
from tests.fakes.reading_desk import TENANT, ReadingDesk, lines


@pytest.fixture
def desk() -> ReadingDesk:
    return ReadingDesk()


def cause(message: str) -> str:
    return json.dumps({"errorMessage": message, "errorType": "x", "stackTrace": []})


@pytest.mark.parametrize(
    ("error", "told", "reason"),
    [
        ("UnreadableDocument", cause("It is a scan."), "It is a scan."),
        ("Sandbox.Timedout", "after 60 s", "took too long"),
        ("States.Timeout", "", "took too long"),
        ("Runtime.ExitError", "signal: killed", "want of memory"),
        ("ValueError", cause("secret passage"), "A step of its ingestion broke."),
        ("InternalError", "no JSON", "A step of its ingestion broke."),
        ("InvalidRequest", cause(""), "A step of its ingestion broke."),
        ("Final", cause("secret passage"), "A step of its ingestion broke."),
    ],
)
def test_reasons(error: str, told: str, reason: str) -> None:
    assert reason in reason_of(error, told)
    assert "secret" not in reason_of(error, told)


def test_a_work_that_broke_off_fails_its_documents_and_keeps_what_is_live(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "old"))
    put = desk.put("a.md", "new")
    work = desk.read(put).work

    assert desk.fail(put, "QuotaExhausted", cause("No credit is left."), work).documents == 1

    assert (desk.entry("a.md").status, desk.entry("a.md").error) == ("failed", "No credit is left.")
    assert desk.visible() == {"a.md": "old"}
    desk.ingest(put, "again")
    assert desk.visible() == {"a.md": "new"}


@pytest.mark.parametrize(("path", "content"), [("a.md", "text"), ("a.jsonl", lines(a="text"))])
def test_a_sidecar_that_could_not_be_read_is_told_of_until_it_is(desk: ReadingDesk, path: str, content: str) -> None:
    desk.ingest(desk.put(path, content))
    sidecar = desk.put_sidecar(path, groups=["hr"])

    desk.fail(sidecar, "UpstreamUnavailable", cause("The bucket could not be reached."))

    entry = desk.file(path) if path.endswith(".jsonl") else desk.entry(path)
    assert entry.status == "failed"
    assert entry.error.endswith("as it was before. The bucket could not be reached.")
    desk.ingest(sidecar, "again")
    entry = desk.file(path) if path.endswith(".jsonl") else desk.entry(path)
    assert (entry.status, desk.visible(), len(desk.visible("hr"))) == ("ready", {}, 1)


@pytest.mark.parametrize(("path", "content"), [("a.md", "text"), ("a.jsonl", lines(a="text"))])
def test_what_a_sidecars_deletion_has_read_again_fails_with_it(desk: ReadingDesk, path: str, content: str) -> None:
    desk.ingest(desk.put(f"{path}.metadata.json", "{"))
    desk.ingest(desk.put(path, content))
    removed = desk.remove(f"{path}.metadata.json")
    desk.read(removed)

    desk.fail(removed, "Sandbox.Timedout")

    (entry,) = (entry for entry in desk.documents.documents(TENANT) if entry.turn)
    assert (entry.status, "took too long" in entry.error) == ("failed", True)


def test_the_deletion_of_a_sidecar_fails_nothing_else(desk: ReadingDesk) -> None:
    desk.ingest(desk.put_sidecar("a.md", groups=["hr"]))
    desk.ingest(desk.put("a.md", "text"))
    desk.fail(desk.remove("a.md.metadata.json"), "Sandbox.Timedout")
    assert desk.entry("a.md").status == "ready"


def test_a_failure_that_comes_late_changes_nothing(desk: ReadingDesk) -> None:
    first = desk.put("a.md", "first")
    work = desk.read(first).work
    desk.ingest(desk.put("a.md", "second"), "second")

    desk.fail(first, "States.Timeout", "", work)

    assert (desk.entry("a.md").status, desk.visible()) == ("ready", {"a.md": "second"})


def test_what_an_overtaken_work_had_written_is_deleted(desk: ReadingDesk) -> None:
    first = desk.put("a.md", "first")
    work = desk.read(first, "first").work
    desk.write_staged(work)
    assert len(list(desk.index.ids(TENANT))) == 1
    second = desk.read(desk.put("a.md", "second"), "second")

    desk.fail(first, "States.Timeout", "", work)

    assert list(desk.index.ids(TENANT)) == []
    assert second.next == "chunk"
    assert desk.entry("a.md").status == "indexing"


def test_a_published_document_that_could_not_be_reaped_stays_ready(desk: ReadingDesk) -> None:
    put = desk.put("a.md", "text")
    response = desk.ingest(put)
    desk.fail(put, "UpstreamUnavailable", cause("x"), response.work)
    assert desk.entry("a.md").status == "ready"


@pytest.mark.parametrize("path", ["a.md", "faq.jsonl"])
def test_where_reading_failed_the_input_tells_the_document(desk: ReadingDesk, path: str) -> None:
    put = desk.put(path, lines(a="one"))
    desk.fail(put, "Runtime.ExitError")

    entry = desk.file(path) if path.endswith("l") else desk.entry(path)
    assert (entry.status, "memory" in entry.error) == ("failed", True)
    desk.ingest(put)
    assert len(desk.visible()) == 1


def test_records_that_had_their_turn_fail_with_their_file(desk: ReadingDesk) -> None:
    put = desk.put("faq.jsonl", lines(a="one", b="two"))
    desk.read(put)

    desk.fail(put, "Sandbox.Timedout")

    assert {entry.status for entry in desk.documents.documents(TENANT)} == {"failed"}
    desk.ingest(put, "again")
    assert desk.visible() == {"a": "one", "b": "two"}


def test_a_deletion_that_failed_can_come_again(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))
    removed = desk.remove("a.md")
    desk.fail(removed, "UpstreamUnavailable", cause("The registry could not be reached."))
    assert desk.entry("a.md").status == "failed"
    desk.ingest(removed)
    assert (desk.entry("a.md").status, desk.visible()) == ("deleted", {})


def test_an_item_of_a_run_is_reported(desk: ReadingDesk) -> None:
    desk.put("a.md", "text", "bulk/")
    planned = desk.plan({"run": "r1", "tenant": TENANT, "prefix": f"bulk/{TENANT}/"})
    desk.fail(desk.items(planned)[0], "Runtime.ExitError")

    summary = desk.finish("r1")

    assert (summary.failed, summary.failures[0]["document_id"]) == (1, "a.md")
    assert desk.entry("a.md").status == "failed"


@pytest.mark.parametrize("value", [{}, {"action": "delete"}, {"detail-type": "x"}, {"objects": 1}])
def test_input_that_was_refused_fails_nothing(desk: ReadingDesk, value: dict[str, Any]) -> None:
    assert desk.fail(value, "InvalidRequest", cause("x")).documents == 0
