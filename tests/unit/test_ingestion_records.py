"""Files of records: every line is a document, and a line that is gone is a document that is gone."""

import json
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest

from rag.ingestion import blocks, reading_records
from tests.fakes.reading_desk import MAX_BYTES, TENANT, Killed, ReadingDesk, lines

PATH = "faq.jsonl"


@pytest.fixture
def desk() -> ReadingDesk:
    return ReadingDesk()


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_BLOCK_BYTES", 64)
    monkeypatch.setattr(reading_records, "_TOGETHER", 2)


def by_hand(action: str, document_id: str) -> dict[str, Any]:
    return {"tenant": TENANT, "document_id": document_id, "action": action}


def test_each_record_is_a_document(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="one", b="two")))

    assert desk.visible() == {"a": "one", "b": "two"}
    assert (desk.file(PATH).status, desk.entry("a").source) == ("ready", PATH)


def test_only_changed_records_get_a_new_version(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="one", b="two")))
    before = desk.entry("a").live_version

    response = desk.ingest(desk.put(PATH, lines(a="one", b="other")))

    assert (response.documents, response.unchanged) == (1, 1)
    assert desk.visible() == {"a": "one", "b": "other"}
    assert desk.entry("a").live_version == before


def test_a_record_that_vanished_is_deleted_and_reaped(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="one", b="two", c="three")))
    desk.ingest(desk.put(PATH, lines(b="new", c="three")))

    assert desk.visible() == {"b": "new", "c": "three"}
    assert desk.entry("a").status == "deleted"
    assert len(list(desk.index.ids(TENANT))) == 2


def test_a_record_that_came_back_is_there_again(desk: ReadingDesk) -> None:
    for texts in ({"a": "one"}, {"b": "two"}, {"a": "one"}):
        desk.ingest(desk.put(PATH, lines(**texts)))
    assert desk.visible() == {"a": "one"}


def test_a_deleted_file_takes_all_its_records_along(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="one", b="two")))

    assert desk.read(desk.remove(PATH)).next == "reap"
    assert desk.visible() == {}
    desk.ingest(desk.put(PATH, lines(a="one")))
    assert desk.visible() == {"a": "one"}


def test_an_id_of_another_file_is_refused_and_counted(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("first.jsonl", lines(a="first")))
    desk.ingest(desk.put("second.jsonl", lines(a="second", b="mine")))

    assert desk.visible() == {"a": "first", "b": "mine"}
    file = desk.file("second.jsonl")
    assert (file.status, desk.entry("b").status) == ("failed", "ready")
    assert file.error.startswith("1 of 2 records failed; first: a: Its id belongs to another file.")
    assert "first.jsonl" not in file.error
    desk.ingest(desk.put("second.jsonl", lines(b="mine")))
    assert desk.visible() == {"a": "first", "b": "mine"}
    assert (desk.file("second.jsonl").status, desk.file("second.jsonl").error) == ("ready", "")


def test_a_refused_record_is_taken_up_by_another_attempt_once_its_id_is_free(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("first.jsonl", lines(a="first")))
    desk.ingest(desk.put("second.jsonl", lines(a="second", b="mine")))
    desk.ingest(desk.remove("first.jsonl"))

    desk.ingest(by_hand("ingest", "second.jsonl"), "by-hand")

    assert desk.visible() == {"a": "second", "b": "mine"}
    assert desk.file("second.jsonl").status == "ready"


def test_records_vanish_from_a_file_of_which_some_are_refused(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("first.jsonl", lines(a="first")))
    desk.ingest(desk.put(PATH, lines(b="two", c="three")))

    desk.ingest(desk.put(PATH, lines(a="second", b="two")))

    assert desk.visible() == {"a": "first", "b": "two"}
    assert (desk.entry("c").status, desk.file(PATH).status) == ("deleted", "failed")


def test_a_record_that_fails_under_its_own_name_does_not_fail_its_file(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="", b="two")))
    assert (desk.file(PATH).status, desk.entry("a").status) == ("ready", "failed")


def test_the_second_record_with_one_id_is_refused(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines('{"_id": "a", "text": "first"}', '{"_id": "a", "text": "second"}')))

    assert desk.visible() == {"a": "first"}
    assert (desk.file(PATH).status, desk.entry("a").status) == ("failed", "ready")
    assert desk.file(PATH).error.startswith("1 of 2 records failed; first: a: Its _id was used before in this file.")


def test_a_record_without_text_fails_and_keeps_what_was_live(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="one", b="two")))
    desk.ingest(desk.put(PATH, lines(a="", b="two")))

    assert desk.visible() == {"a": "one", "b": "two"}
    assert (desk.entry("a").status, desk.entry("a").error) == ("failed", "It holds no text.")


def test_while_a_line_cannot_be_read_nothing_vanishes(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="one", b="two")))
    desk.ingest(desk.put(PATH, lines("{broken", b="two")))

    assert desk.visible() == {"a": "one", "b": "two"}
    assert desk.file(PATH).status == "failed"
    assert desk.file(PATH).error.startswith("1 of 2 records failed; first: faq.jsonl:1: The line is not a record")
    desk.ingest(desk.put(PATH, lines(b="two")))
    assert desk.visible() == {"b": "two"}


def test_the_files_sidecar_closes_all_its_records_at_once(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines('{"_id": "a", "text": "one", "metadata": {"page": 1, "year": 1999}}', b="two")))
    before = desk.entry("a").live_version
    sidecar = desk.put_sidecar(PATH, groups=["hr"], year=2026)

    assert desk.read(sidecar).next == "regroup"
    assert desk.visible() == {}
    desk.ingest(sidecar)

    assert desk.visible("hr") == {"a": "one", "b": "two"}
    assert desk.entry("a").metadata == {"page": 1, "year": 2026}
    assert desk.entry("a").live_version == before


@pytest.mark.parametrize("unread", ["{broken", '{"_id": "a", "text": " "}'])
def test_the_files_sidecar_closes_records_too_whose_lines_cannot_be_read(desk: ReadingDesk, unread: str) -> None:
    desk.ingest(desk.put_sidecar(PATH, groups=["hr", "board"]))
    desk.ingest(desk.put(PATH, lines(a="one", b="two")))
    desk.ingest(desk.put(PATH, lines(unread, b="two")))

    desk.ingest(desk.put_sidecar(PATH, groups=["board"]))

    assert (desk.visible("hr"), desk.visible("board")) == ({}, {"a": "one", "b": "two"})


@pytest.mark.parametrize("unread", ["{broken", '{"_id": "a", "text": " "}'])
@pytest.mark.parametrize("area", ["documents/", "bulk/"])
def test_records_that_stay_unread_take_up_the_sidecar_that_is_read_with_their_file(
    desk: ReadingDesk, area: str, unread: str
) -> None:
    def come(run: str, content: str, *groups: str) -> None:
        desk.put_sidecar(PATH, area, groups=groups)
        event = desk.put(PATH, content, area)
        if area == "bulk/":
            desk.bulk({"run": run, "tenant": TENANT, "prefix": f"bulk/{TENANT}/"})
        else:
            desk.ingest(event)

    come("r", lines(a="one", b="two"), "hr", "board")
    assert desk.visible("hr") == {"a": "one", "b": "two"}

    come("s", lines(unread, b="two"), "board")

    assert desk.visible("hr") == {}
    assert desk.entry("a").groups == ("board",)


def test_a_sidecar_that_comes_while_a_record_is_read_by_hand_is_never_undone() -> None:
    for after in count(1):
        desk = ReadingDesk()
        desk.ingest(desk.put(PATH, lines(a="one", b="two")))
        came = desk.ingest_while(by_hand("reindex", "a"), after, partial(desk.put_sidecar, PATH, groups=["hr"]))
        if came is None:
            break
        assert desk.visible() == {}, after
    assert after > 5


def test_a_sidecar_that_comes_first_describes_every_record(desk: ReadingDesk) -> None:
    desk.ingest(desk.put_sidecar(PATH, groups=["hr"]))
    desk.ingest(desk.put(PATH, lines(a="one")))
    assert (desk.visible(), desk.visible("hr")) == ({}, {"a": "one"})


def test_where_sidecars_are_required_records_wait_for_that_of_their_file() -> None:
    desk = ReadingDesk(require_sidecar=True)
    desk.ingest(desk.put(PATH, lines(a="one")))
    assert desk.visible() == {}
    desk.ingest(desk.put_sidecar(PATH, groups=[]))
    assert desk.visible() == {"a": "one"}


def test_a_sidecar_that_comes_while_records_are_read_is_never_undone() -> None:
    for after in count(1):
        desk, seen = ReadingDesk(), set[tuple[str, ...]]()
        desk.ingest(desk.put(PATH, lines(a="one", b="two")))
        put = desk.put(PATH, lines(a="one", b="new", c="three"))

        def watch(desk: ReadingDesk = desk, seen: set[tuple[str, ...]] = seen) -> None:
            seen.update(entry.groups for entry in desk.documents.documents(TENANT) if entry.live_version)

        if desk.ingest_while(put, after, partial(desk.put_sidecar, PATH, groups=["hr"]), watch) is None:
            break
        assert seen <= {("hr",)}, after
        assert desk.visible() == {}
        assert {entry.groups for entry in desk.documents.documents(TENANT)} == {("hr",)}
    assert after > 5


def test_an_older_version_of_the_file_never_takes_a_record_back(desk: ReadingDesk) -> None:
    first = desk.put(PATH, lines(a="one", b="two", c="three"))
    desk.die_after = 4  # the file's turn, and the first few records
    with pytest.raises(Killed):
        desk.read(first, "first")
    second = desk.put(PATH, lines(b="new"))

    desk.ingest(second, "second")
    desk.ingest(first, "again")

    assert desk.visible() == {"b": "new"}
    assert {entry.status for entry in desk.documents.documents(TENANT)} == {"ready", "deleted"}


def test_deleting_a_record_by_hand_leaves_its_file(desk: ReadingDesk) -> None:
    put = desk.put(PATH, lines(a="one", b="two"))
    desk.ingest(put)

    desk.ingest(by_hand("delete", "a"), "by-hand")
    desk.ingest(put)

    assert desk.visible() == {"b": "two"}
    assert desk.bucket.info(f"documents/{TENANT}/{PATH}") is not None


def test_deleting_a_file_by_hand_takes_all_its_records(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="one", b="two")))
    desk.ingest(by_hand("delete", PATH), "by-hand")

    assert (desk.visible(), desk.file(PATH).status) == ({}, "deleted")
    assert list(desk.bucket.list("documents/")) == []


def test_reindexing_a_record_finds_it_in_its_file(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="one", b="two", c="three")))
    before = desk.entry("c").live_version

    desk.ingest(by_hand("reindex", "c"), "by-hand")

    assert desk.entry("c").live_version != before
    assert desk.visible() == {"a": "one", "b": "two", "c": "three"}


def test_a_file_too_large_names_the_limit(desk: ReadingDesk) -> None:
    desk.ingest(desk.put(PATH, lines(a="x" * MAX_BYTES)))
    assert desk.file(PATH).status == "failed"
    assert "larger than" in desk.file(PATH).error


@pytest.mark.parametrize("refused", [(), ('{"_id": "b", "text": "again"}',)])
@pytest.mark.parametrize("repeated", ["first", "second"])
def test_of_two_versions_of_a_file_read_side_by_side_the_newer_wins(repeated: str, refused: tuple[str, ...]) -> None:
    for after in count(1):
        desk = ReadingDesk()
        desk.ingest(desk.put(PATH, lines(z="gone")))
        first = desk.put(PATH, lines(a="one", b="two", c="three"))
        newer = lines(b="new", d="four") + lines(*refused)
        second = desk.ingest_while(first, after, partial(desk.put, PATH, newer))
        if second is None:
            break
        desk.ingest(first if repeated == "first" else second, "once more")
        assert desk.visible() == {"b": "new", "d": "four"}, after
        assert desk.file(PATH).status == ("failed" if refused else "ready"), after
        statuses = {entry.document_id: entry.status for entry in desk.documents.documents(TENANT)}
        assert {name for name, status in statuses.items() if status == "deleted"} == statuses.keys() - {"b", "d"}, after
    assert after > 5


def put(desk: ReadingDesk) -> dict[str, Any]:
    return desk.put(PATH, lines(b="two", c="new", d="four", e="five"))


def put_sidecar(desk: ReadingDesk) -> dict[str, Any]:
    return desk.put_sidecar(PATH, groups=["hr"])


def remove(desk: ReadingDesk) -> dict[str, Any]:
    return desk.remove(PATH)


def delete_by_hand(_: ReadingDesk) -> dict[str, Any]:
    return by_hand("delete", PATH)


def delete_one_by_hand(_: ReadingDesk) -> dict[str, Any]:
    return by_hand("delete", "b")


def reindex_by_hand(_: ReadingDesk) -> dict[str, Any]:
    return by_hand("reindex", "b")


CHANGES = [put, put_sidecar, remove, delete_by_hand, delete_one_by_hand, reindex_by_hand]


@pytest.mark.parametrize("retry", ["first", "again"])
@pytest.mark.parametrize("change", CHANGES)
def test_killed_between_any_two_writes_it_comes_to_the_same(
    change: Callable[[ReadingDesk], dict[str, Any]], retry: str
) -> None:
    def begun() -> ReadingDesk:
        desk = ReadingDesk()
        desk.ingest(desk.put(PATH, lines(a="one", b="two", c="three", d=json.dumps(["four"]))))
        return desk

    undisturbed = begun()
    undisturbed.ingest(change(undisturbed), "first")
    for after in count(1):
        desk = begun()
        if not desk.ingest_killed(change(desk), after, retry):
            break
        assert desk.state() == undisturbed.state(), after
    assert after > 3
