"""The finish state: what became of a run, and records that vanished from its files."""

from collections.abc import Callable
from itertools import count
from typing import Any, ParamSpec, TypeVar

import pytest

from rag.ingestion import planning
from rag.ingestion.contracts import RunSummary
from rag.ingestion.ranges import line_ranges
from tests.fakes.reading_desk import TENANT, Killed, ReadingDesk, lines

BULK = f"bulk/{TENANT}/"
PATH = "faq.jsonl"

P = ParamSpec("P")
T = TypeVar("T")


@pytest.fixture(autouse=True)
def small_ranges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "line_ranges", lambda objects, info: line_ranges(objects, info, 50))


def run(name: str) -> dict[str, Any]:
    return {"run": name, "tenant": TENANT, "prefix": BULK}


def begun() -> ReadingDesk:
    desk = ReadingDesk()
    desk.put(PATH, lines(a="one", b="two", c="three", d="four"), "bulk/")
    desk.put("x.md", "text", "bulk/")
    desk.put("empty.md", "", "bulk/")
    desk.bulk(run("first"))
    return desk


def test_a_run_is_summed_up() -> None:
    desk = ReadingDesk()
    desk.put(PATH, lines("{broken", a="one", b="two"), "bulk/")
    desk.put("x.md", "text", "bulk/")
    desk.put("empty.md", "", "bulk/")

    summary = desk.bulk(run("first"))

    assert (summary.documents, summary.ready, summary.failed, summary.chunks) == (5, 3, 2, 3)
    assert {failure["document_id"] for failure in summary.failures} == {"empty.md", f"{PATH}:1"}
    assert desk.bucket.info("runs/first/summary.json") is not None
    assert desk.visible() == {"a": "one", "b": "two", "x.md": "text"}


def test_records_that_vanished_go_with_the_run() -> None:
    desk = begun()
    desk.put(PATH, lines(b="two", c="new", e="five"), "bulk/")

    summary = desk.bulk(run("second"))

    assert (summary.ready, summary.deleted, summary.unchanged) == (2, 2, 2)
    assert desk.visible() == {"b": "two", "c": "new", "e": "five", "x.md": "text"}
    assert len(list(desk.index.ids(TENANT))) == 4
    assert desk.file(PATH).status == "ready"


def test_where_a_range_failed_nothing_vanishes() -> None:
    desk = begun()
    desk.put(PATH, lines(b="two", c="new", e="five"), "bulk/")
    planned = desk.plan(run("second"))
    broken, *_ = (item for item in desk.items(planned) if "records" in item)
    desk.fail(broken, "Runtime.ExitError")
    for item in desk.items(planned):
        if item != broken:
            desk.ingest(item, f"second-{item['number']}")

    summary = desk.finish("second")

    assert summary.deleted == 0
    assert desk.visible().keys() >= {"a", "d"}
    assert desk.file(PATH).status == "failed"


def test_a_file_tells_which_of_its_lines_is_wrong() -> None:
    desk = ReadingDesk()
    desk.put("a.jsonl", 'no record\n{"_id": "1", "text": "one"}\n', "bulk/")

    desk.bulk({"run": "r", "tenant": TENANT, "prefix": f"bulk/{TENANT}/"})

    assert desk.file("a.jsonl").error.startswith("1 of its records failed; first: a.jsonl:1: The line is not a record")
    assert "Not all of its lines could be read." in desk.file("a.jsonl").error


def test_an_item_that_was_never_reached_counts_as_failed() -> None:
    desk = begun()
    desk.plan(run("second"))

    summary = desk.finish("second")

    assert summary.failed == summary.documents > 0
    assert "before it was reached" in summary.failures[0]["reason"]
    assert desk.visible() == {"a": "one", "b": "two", "c": "three", "d": "four", "x.md": "text"}


def test_what_broke_off_on_the_way_counts_as_failed() -> None:
    desk = begun()
    desk.put("x.md", "new", "bulk/")
    for item in desk.items(desk.plan(run("second"))):
        desk.read(item)

    summary = desk.finish("second")

    assert {failure["document_id"] for failure in summary.failures} == {"x.md", "empty.md"}
    assert desk.entry("x.md").status == "failed"
    assert "before it was through" in desk.entry("x.md").error
    assert desk.visible()["x.md"] == "text"


def test_the_same_id_in_two_ranges_is_refused_in_the_second() -> None:
    desk = ReadingDesk()
    desk.put(PATH, lines('{"_id": "a", "text": "first"}', *[""] * 60, '{"_id": "a", "text": "second"}'), "bulk/")

    summary = desk.bulk(run("first"))

    assert (summary.ready, summary.failed) == (1, 1)
    assert summary.failures[0]["document_id"] == "a (again)"
    assert summary.failures[0]["reason"].startswith("Its _id was used before in this file.")
    assert desk.visible() == {"a": "first"}
    assert (desk.file(PATH).status, desk.entry("a").status) == ("failed", "ready")
    assert desk.file(PATH).error.startswith("1 of its records failed; first: a (again): Its _id was used before")


def test_a_file_of_which_records_are_refused_fails_and_the_rest_of_it_goes_on() -> None:
    desk = begun()
    desk.ingest(desk.put("first.jsonl", lines(x="first")))
    desk.put(PATH, lines(b="two", c="three", d="new", x="second"), "bulk/")

    summary = desk.bulk(run("second"))

    assert (summary.ready, summary.failed, summary.deleted) == (1, 2, 1)  # one of those that failed is empty.md
    assert desk.visible() == {"b": "two", "c": "three", "d": "new", "x": "first"} | {"x.md": "text"}
    file = desk.file(PATH)
    assert file.status == "failed"
    assert file.error.startswith("1 of its records failed; first: x: Its id belongs to another file.")
    assert "first.jsonl" not in file.error
    assert any("Its id belongs to first.jsonl" in failure["reason"] for failure in summary.failures)


def test_an_unusable_sidecar_of_a_file_leaves_it_out() -> None:
    desk = ReadingDesk()
    desk.put(PATH, lines(a="one"), "bulk/")
    desk.put(f"{PATH}.metadata.json", "{", "bulk/")

    summary = desk.bulk(run("first"))

    assert summary.failures[0]["document_id"] == PATH
    assert summary.failures[0]["reason"].startswith("Its sidecar cannot be used")
    assert desk.visible() == {}


def test_at_most_twenty_failures_are_told() -> None:
    desk = ReadingDesk()
    for number in range(30):
        desk.put(f"{number}.md", "", "bulk/")
    summary = desk.bulk(run("first"))
    assert (summary.failed, len(summary.failures)) == (30, 20)


def test_killed_between_any_two_writes_a_run_comes_to_the_same() -> None:
    def change(desk: ReadingDesk) -> None:
        desk.put(PATH, lines(b="two", c="new", e="five"), "bulk/")
        desk.put("x.md", "new", "bulk/")

    undisturbed = begun()
    change(undisturbed)
    expected = undisturbed.bulk(run("second"))
    for after in count(1):
        desk = begun()
        change(desk)
        desk.die_after = after
        summary = _stubborn(desk, "second")
        if desk.die_after:
            break
        assert (summary.failed, summary.deleted) == (expected.failed, expected.deleted), after
        assert desk.state() == undisturbed.state(), after
    assert after > 20


def _stubborn(desk: ReadingDesk, name: str) -> RunSummary:
    """Run a bulk run of which each state is tried again when it was killed."""
    planned = _again(desk.plan, run(name))
    for item in desk.items(planned):
        _again(desk.ingest, item, f"{name}-{item['number']}")
    return _again(desk.finish, name)


def _again(state: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    try:
        return state(*arguments, **named)
    except Killed:
        return state(*arguments, **named)
