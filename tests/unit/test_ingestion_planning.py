"""The plan state: objects into items, and large files into ranges of whole lines."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import InvalidRequest
from rag.ingestion import items, planning
from rag.ingestion.items import MAX_OBJECTS
from rag.ingestion.ranges import line_ranges
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.reading_desk import TENANT, ReadingDesk, lines

RUN: dict[str, Any] = {"run": "r1", "tenant": TENANT}
BULK = f"bulk/{TENANT}/"


@pytest.fixture
def desk() -> ReadingDesk:
    return ReadingDesk()


def keys(item: dict[str, Any]) -> list[str]:
    return [listed["key"].removeprefix(BULK) for listed in item["objects"]]


def test_small_files_travel_many_to_an_item(desk: ReadingDesk) -> None:
    for number in range(MAX_OBJECTS + 1):
        desk.put(f"{number:03}.md", "text", "bulk/")

    planned = desk.plan({**RUN, "prefix": BULK})

    assert [len(item["objects"]) for item in desk.items(planned)] == [MAX_OBJECTS, 1]
    assert [item["number"] for item in desk.items(planned)] == [0, 1]


def test_pdfs_travel_ten_to_an_item(desk: ReadingDesk) -> None:
    for number in range(11):
        desk.put(f"{number:02}.PDF", "text", "bulk/")
    assert [len(item["objects"]) for item in desk.items(desk.plan({**RUN, "prefix": BULK}))] == [10, 1]


def test_large_files_travel_alone(desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(items, "MAX_BYTES", 10)
    for path, size in (("a.md", 4), ("b.md", 4), ("c.md", 100), ("d.md", 1)):
        desk.put(path, "x" * size, "bulk/")
    found = [keys(item) for item in desk.items(desk.plan({**RUN, "prefix": BULK}))]
    assert found == [["a.md", "b.md"], ["c.md"], ["d.md"]]


def test_a_sidecar_is_no_item_but_a_mark_on_its_document(desk: ReadingDesk) -> None:
    desk.put("a.md", "text", "bulk/")
    desk.put_sidecar("a.md", "bulk/", groups=["hr"])
    desk.put("b.md", "text", "bulk/")

    (item,) = desk.items(desk.plan({**RUN, "prefix": BULK}))

    assert [(listed["key"], listed["sidecar"]) for listed in item["objects"]] == [
        (f"{BULK}a.md", True),
        (f"{BULK}b.md", False),
    ]


def test_a_manifest_names_the_objects(desk: ReadingDesk) -> None:
    for path in ("a.md", "b.md"):
        desk.put(path, "text", "bulk/")
    line = {"key": f"{BULK}b.md", "size": 4, "etag": "e"}
    desk.bucket.write("runs/r1/manifest.jsonl", (json.dumps(line) + "\n").encode())

    (item,) = desk.items(desk.plan({**RUN, "manifest": "runs/r1/manifest.jsonl"}))

    assert keys(item) == ["b.md"]


@pytest.mark.parametrize(
    "run",
    [
        {},
        {"run": "r1", "prefix": BULK},
        {"run": "../r1", "tenant": TENANT, "prefix": BULK},
        {**RUN},
        {**RUN, "prefix": BULK, "manifest": "runs/r1/manifest.jsonl"},
        {**RUN, "prefix": "bulk/"},
        {**RUN, "prefix": "bulk/other/"},
        {**RUN, "prefix": f"staging/{TENANT}/"},
        {**RUN, "manifest": "runs/r1/none.jsonl"},
        {**RUN, "manifest": f"{BULK}a.md"},
        {**RUN, "prefix": BULK, "more": 1},
    ],
)
def test_anything_else_is_refused(desk: ReadingDesk, run: dict[str, Any]) -> None:
    desk.put("a.md", "text", "bulk/")
    with pytest.raises(InvalidRequest):
        desk.plan(run)


@pytest.mark.parametrize("line", ["{", '{"key": "bulk/other/a.md", "size": 1, "etag": ""}', '{"key": 1}'])
def test_a_malformed_manifest_is_refused(desk: ReadingDesk, line: str) -> None:
    desk.bucket.write("runs/r1/manifest.jsonl", line.encode())
    with pytest.raises(InvalidRequest):
        desk.plan({**RUN, "manifest": "runs/r1/manifest.jsonl"})


def test_records_travel_in_ranges_of_one_generation(desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    content = lines(**{f"id-{number}": "text " * number for number in range(50)})
    desk.put("a.jsonl", content, "bulk/")
    monkeypatch.setattr(planning, "line_ranges", lambda objects, info: line_ranges(objects, info, 500))

    found = desk.items(desk.plan({**RUN, "prefix": BULK}))

    ranges = [(item["records"]["start"], item["records"]["end"]) for item in found]
    assert len(ranges) > 5
    assert ranges[0][0] == 0
    assert ranges[-1][1] == len(content.encode())
    assert {item["records"]["generation"] for item in found} == {desk.file("a.jsonl").version}


def test_planned_again_a_run_is_the_same(desk: ReadingDesk) -> None:
    desk.put("a.jsonl", lines(a="one"), "bulk/")
    first = desk.items(desk.plan({**RUN, "prefix": BULK}))
    assert desk.items(desk.plan({**RUN, "prefix": BULK})) == first


def test_copies_are_of_what_is_live(desk: ReadingDesk) -> None:
    for path in ("a.md", "b.md"):
        desk.ingest(desk.put(path, "text"))
    desk.ingest(desk.remove("b.md"))

    target = {"model": "large", "dimensions": 3, "host": ""}
    (item,) = desk.items(desk.plan({"run": "r1", "reindex": target}))

    assert (item["tenant"], item["copy"]["documents"]) == (TENANT, ["a.md"])
    assert desk.read(item).next == "copy"


@pytest.mark.parametrize("beyond", [{"model": "m" * 201}, {"host": "h" * 271}])
def test_a_collection_with_an_endless_name_is_refused(desk: ReadingDesk, beyond: dict[str, str]) -> None:
    target = {"model": "large", "dimensions": 3, "host": ""}
    with pytest.raises(InvalidRequest):
        desk.plan({"run": "r1", "reindex": target | beyond})


def test_nothing_to_do_is_an_empty_list(desk: ReadingDesk) -> None:
    planned = desk.plan({**RUN, "prefix": BULK})
    assert (planned.items, desk.items(planned)) == (0, [])


@given(st.lists(st.integers(0, 40)), st.integers(1, 50), st.booleans())
def test_ranges_cut_only_at_line_ends_and_leave_nothing_out(sizes: list[int], size: int, ended: bool) -> None:
    content = b"\n".join(b"x" * length for length in sizes) + (b"\n" if ended else b"")
    objects = MemoryObjects()
    objects.write("a", content)
    info = objects.info("a")
    assert info is not None

    ranges = list(line_ranges(objects, info, size))

    assert b"".join(content[start:end] for start, end in ranges) == content
    assert all(content[:start].endswith(b"\n") for start, _ in ranges[1:])


def test_every_item_stays_far_below_what_a_state_may_hold(desk: ReadingDesk) -> None:
    for number in range(MAX_OBJECTS):
        desk.put(f"{number:03}{'ü' * 500}.md", "text", "bulk/")
    assert max(len(msgspec.json.encode(item)) for item in desk.items(desk.plan({**RUN, "prefix": BULK}))) < 150_000
