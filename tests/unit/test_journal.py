"""The journal: what was recorded last is what the next start finds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from ragctl.local.journal import Journal, Key

APPLE, PEAR = ("item", "fruit", "apple"), ("item", "fruit", "pear")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal(tmp_path) as journal:
        yield journal


def reopened(directory: Path) -> dict[Key, object]:
    with Journal(directory) as journal:
        return dict(journal.restored)


def test_a_new_journal_is_empty(journal: Journal) -> None:
    assert journal.restored == {}


def test_the_latest_state_of_each_key_is_restored(journal: Journal, tmp_path: Path) -> None:
    journal.record([(APPLE, {"kg": 1}), (PEAR, {"kg": 2})])
    journal.record([(APPLE, {"kg": 3})])

    assert reopened(tmp_path) == {APPLE: {"kg": 3}, PEAR: {"kg": 2}}


def test_what_was_removed_stays_away(journal: Journal, tmp_path: Path) -> None:
    journal.record([(APPLE, {"kg": 1})])
    journal.record([(APPLE, None)])

    assert reopened(tmp_path) == {}


def test_bytes_and_any_text_come_back_as_they_were(journal: Journal, tmp_path: Path) -> None:
    state = {"v": {"B": b"\x00\xff"}, "s": 'ä"\n\u2028\ud800'}
    journal.record([(("item", "t", 'k"\n'), state)])

    assert reopened(tmp_path) == {("item", "t", 'k"\n'): state}


def test_it_is_readable_without_having_been_closed(journal: Journal, tmp_path: Path) -> None:
    journal.record([(APPLE, {"kg": 1})])

    assert b'"apple"' in (tmp_path / "journal.jsonl").read_bytes()


def test_a_torn_last_line_costs_that_line_alone(journal: Journal, tmp_path: Path) -> None:
    journal.record([(APPLE, {"kg": 1}), (PEAR, {"kg": 2})])
    file = tmp_path / "journal.jsonl"
    file.write_bytes(file.read_bytes()[:-7])

    assert reopened(tmp_path) == {APPLE: {"kg": 1}}
    assert reopened(tmp_path) == {APPLE: {"kg": 1}}  # and nothing was appended to the tear


@pytest.mark.parametrize("line", ["5", "[]", '["key", 1]', '[[["nested"]], 1]', '{"a": 1}', "null"])
def test_a_line_of_another_shape_is_skipped(journal: Journal, tmp_path: Path, line: str) -> None:
    journal.record([(APPLE, {"kg": 1})])
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write(f"{line}\n")

    assert reopened(tmp_path) == {APPLE: {"kg": 1}}


def test_opening_forgets_what_is_superseded(journal: Journal, tmp_path: Path) -> None:
    for kilos in range(100):
        journal.record([(APPLE, {"kg": kilos})])

    reopened(tmp_path)

    assert len((tmp_path / "journal.jsonl").read_bytes().splitlines()) == 1


def test_a_blob_is_kept_as_long_as_a_state_names_it(journal: Journal, tmp_path: Path) -> None:
    name = journal.store_blob(b"content")
    journal.record([(APPLE, {"blob": name})])
    journal.store_blob(b"of nothing")

    with Journal(tmp_path) as second:
        assert second.load_blob(name) == b"content"
        assert [blob.name for blob in (tmp_path / "blobs").iterdir()] == [name]
        second.record([(APPLE, None)])
    reopened(tmp_path)

    assert list((tmp_path / "blobs").iterdir()) == []


def test_nobody_else_may_read_it(journal: Journal, tmp_path: Path) -> None:
    journal.record([(("secret", "key"), {"string": "s"})])

    assert (tmp_path / "journal.jsonl").stat().st_mode & 0o077 == 0
