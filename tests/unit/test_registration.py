"""The registry's decisions, by example."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.models import EVERYONE, NOBODY
from rag.registration import (
    Origin,
    Registration,
    claim,
    deleted,
    described,
    failed,
    is_outdated,
    misdescribed,
    noticed,
    published,
    reaped,
    registered,
    unchanged,
)

KEY = "documents/acme/a.md"
SIDECAR = KEY + ".metadata.json"
NOW = "2026-11-22T11:00:00Z"
LATER = "2026-11-22T12:00:00Z"
NEW = Registration("acme", "a.md")


def put(sequencer: str) -> Origin:
    return Origin.event(KEY, sequencer)


def said(sequencer: str) -> Origin:
    return Origin.event(SIDECAR, sequencer)


def taken(entry: Registration, origin: Origin) -> Registration:
    answer = claim(entry, origin, "a.md", KEY, NOW)
    assert answer.verdict == "taken"
    return answer.entry


def ready(entry: Registration, origin: Origin, chunks: int = 3) -> Registration:
    entry = some(registered(taken(entry, origin), entry.turn + 1, chunks))
    return some(published(entry, entry.turn, f"hash of {origin.name}", entry.attributes, NOW))


def gone(entry: Registration, origin: Origin) -> Registration:
    return deleted(taken(entry, origin), NOW)


def some(entry: Registration | None) -> Registration:
    assert entry is not None
    return entry


def test_a_new_document_takes_its_turn_and_is_shown_when_it_is_published() -> None:
    indexing = taken(NEW, put("1"))
    assert (indexing.turn, indexing.status, indexing.live()) == (1, "indexing", None)
    shown = ready(NEW, put("1"))
    assert (shown.status, shown.live_version, shown.chunks, shown.unreaped) == ("ready", indexing.version, 3, {})


def test_the_old_version_is_shown_while_the_new_one_is_made() -> None:
    old = ready(NEW, put("1"))
    making = some(registered(taken(old, put("2")), 2, 5))
    assert making.live() == old.live()
    assert making.unreaped == {}
    new = some(published(making, 2, "h", making.attributes, NOW))
    assert new.unreaped == {old.version: 3}


def test_an_event_that_comes_again_is_resumed_until_it_is_done() -> None:
    first = taken(NEW, put("1"))
    again = claim(first, put("1"), "a.md", KEY, LATER)
    assert (again.verdict, again.entry.turn, again.entry.version) == ("resumed", 1, first.version)
    assert claim(ready(NEW, put("1")), put("1"), "a.md", KEY, LATER).verdict == "done"


def test_a_failed_event_that_comes_again_is_tried_again() -> None:
    broken = some(failed(taken(NEW, put("1")), 1, "It is empty.", NOW))
    again = claim(broken, put("1"), "a.md", KEY, LATER)
    assert (again.verdict, again.entry.status, again.entry.error) == ("resumed", "indexing", "")


def test_a_resumed_attempt_tells_of_the_object_that_it_reads() -> None:
    first = claim(NEW, Origin("by hand"), "a.md", KEY, NOW, object_version="1").entry
    assert claim(first, Origin("by hand"), "a.md", KEY, LATER, object_version="2").entry.object_version == "2"


def test_an_older_event_changes_nothing() -> None:
    entry = ready(NEW, put("2"))
    answer = claim(entry, put("1"), "a.md", KEY, LATER)
    assert (answer.verdict, answer.entry) == ("superseded", entry)


@pytest.mark.parametrize(("older", "newer"), [("9", "0A"), ("ff", "100"), ("FF", "100"), ("00FF", "100"), ("0", "1")])
def test_sequencers_compare_as_numbers(older: str, newer: str) -> None:
    assert is_outdated(taken(NEW, put(newer)), put(older))
    assert not is_outdated(taken(NEW, put(older)), put(newer))


@given(st.integers(0, 16**80), st.integers(0, 16**80), st.integers(0, 90), st.booleans())
def test_sequencers_of_any_length_compare_as_numbers(seen: int, other: int, width: int, upper: bool) -> None:
    written = f"{other:0{width}x}"
    event = put(written.upper() if upper else written)
    assert is_outdated(taken(NEW, put(f"{seen:x}")), event) == (other <= seen)


def test_a_change_by_hand_that_is_delivered_late_does_not_undo_what_came_after_it() -> None:
    by_hand = Origin("delete-by-hand")
    again = ready(gone(ready(NEW, put("1")), by_hand), put("2"))
    answer = claim(again, by_hand, "a.md", KEY, LATER)
    assert (answer.verdict, answer.entry) == ("superseded", again)


def test_an_event_from_before_a_deletion_by_hand_does_not_bring_the_document_back() -> None:
    entry = gone(ready(NEW, put("1")), Origin("delete-by-hand"))
    assert claim(entry, put("1"), "a.md", KEY, LATER).verdict == "superseded"
    assert claim(entry, put("2"), "a.md", KEY, LATER).verdict == "taken"


def test_the_memory_of_changes_by_hand_is_bounded() -> None:
    entry = NEW
    for number in range(100):
        entry = ready(entry, Origin(f"hand-{number}"))
    assert len(entry.recent) == 16


def test_an_id_belongs_to_the_file_that_had_it_first_until_it_is_deleted() -> None:
    entry = ready(NEW, put("1"))
    other = Origin.event("documents/acme/b.jsonl", "5")
    assert claim(entry, other, "b.jsonl", other.key, LATER).verdict == "claimed elsewhere"
    assert claim(gone(entry, put("2")), other, "b.jsonl", other.key, LATER).verdict == "taken"


def test_an_event_of_another_key_is_noted_and_orders_what_comes_later() -> None:
    entry = ready(NEW, put("1"))
    other = Origin.event("bulk/acme/a.md", "5")
    noted = some(noticed(entry, other))
    assert replace(noted, seen=entry.seen) == entry
    assert noticed(noted, Origin.event(other.key, "4")) is None
    assert claim(noted, Origin.event(other.key, "4"), "a.md", other.key, LATER).verdict == "superseded"


@pytest.mark.parametrize(
    "over",
    [
        ready(ready(NEW, put("1")), put("2")),
        gone(ready(NEW, put("1")), put("2")),
        gone(NEW, put("1")),
    ],
)
def test_what_belongs_to_a_turn_that_is_over_does_nothing(over: Registration) -> None:
    assert registered(over, 1, 3) is None
    assert published(over, 1, "h", "a", LATER) is None
    assert failed(over, 1, "It is empty.", LATER) is None


def test_a_document_that_is_ready_does_not_fail_by_a_second_delivery() -> None:
    assert failed(ready(NEW, put("1")), 1, "It is empty.", LATER) is None


def test_a_version_is_not_published_before_it_is_registered() -> None:
    assert published(taken(NEW, put("1")), 1, "h", "a", NOW) is None


def test_a_resumed_attempt_with_fewer_chunks_does_not_forget_the_others() -> None:
    entry = some(registered(some(registered(taken(NEW, put("1")), 1, 9)), 1, 4))
    assert entry.versions == {entry.version: 9}


def test_failing_keeps_what_is_shown() -> None:
    old = ready(NEW, put("1"))
    entry = some(failed(some(registered(taken(old, put("2")), 2, 5)), 2, "It is empty.", LATER))
    assert (entry.status, entry.error, entry.live(), entry.unreaped) == ("failed", "It is empty.", old.live(), {})


def test_unchanged_content_keeps_its_version_under_the_new_turn() -> None:
    old = ready(NEW, put("1"))
    entry = unchanged(taken(old, put("2")), LATER)
    assert (entry.status, entry.turn, entry.live(), entry.unreaped) == ("ready", 2, old.live(), {})


def test_content_that_goes_back_to_what_it_was_gets_a_version_of_its_own() -> None:
    first = ready(NEW, put("1"))
    second = ready(first, put("2"))
    third = ready(second, put("3"))
    assert len({first.version, second.version, third.version}) == 3


def test_no_version_repeats_though_the_registry_has_forgotten_the_document() -> None:
    assert taken(NEW, put("1")).version != taken(NEW, put("2")).version


def test_what_was_deleted_is_shown_to_nobody_and_all_of_it_is_to_be_reaped() -> None:
    old = some(described(ready(NEW, put("1")), said("1"), ("hr",), {"year": 2026.0}, NOW))
    entry = gone(old, put("2"))
    assert (entry.status, entry.live(), entry.unreaped) == ("deleted", None, {old.version: 3})
    assert (entry.title, entry.metadata, entry.content_hash) == ("", {}, "")


def test_a_document_that_is_deleted_and_uploaded_anew_is_open_to_no_more_than_before() -> None:
    restricted = some(described(ready(NEW, put("1")), said("1"), ("hr",), {}, NOW))
    assert ready(gone(restricted, put("2")), put("3")).readers == ("hr",)
    hidden = replace(ready(NEW, put("1")), hidden=True)
    assert ready(gone(hidden, put("2")), put("3")).readers == (NOBODY,)


def test_a_hidden_document_is_shown_once_a_sidecar_has_named_its_groups() -> None:
    hidden = replace(ready(NEW, put("1")), hidden=True)
    assert hidden.readers == (NOBODY,)
    entry = some(described(hidden, said("1"), None, {"year": 2026}, NOW))
    assert (entry.readers, entry.spoken_for, entry.metadata) == ((NOBODY,), False, {"year": 2026})
    entry = some(described(hidden, said("1"), (), {}, NOW))
    assert (entry.readers, entry.spoken_for) == ((EVERYONE,), True)


def test_a_sidecar_that_names_no_groups_leaves_them() -> None:
    entry = some(described(ready(NEW, put("1")), said("1"), ("hr",), {}, NOW))
    entry = some(described(entry, said("2"), None, {"year": 2026}, NOW))
    assert (entry.readers, entry.spoken_for, entry.metadata) == (("hr",), True, {"year": 2026})


def test_what_a_sidecar_said_of_a_document_is_not_said_of_the_one_after_its_deletion() -> None:
    entry = some(described(ready(NEW, put("1")), said("1"), (), {}, NOW))
    assert not entry.is_new
    entry = gone(entry, put("2"))
    assert (entry.is_new, entry.spoken_for) == (True, False)
    assert not some(described(entry, said("3"), (), {}, NOW)).is_new


@pytest.mark.parametrize(
    "entry",
    [
        NEW,
        gone(NEW, put("1")),
        some(misdescribed(NEW, said("1"), "It is no JSON.", NOW)),
        some(described(NEW, said("1"), None, {}, NOW)),
    ],
)
def test_no_sidecar_has_spoken_for_what_none_has_named_the_groups_of(entry: Registration) -> None:
    assert (entry.spoken_for, entry.is_new) == (False, True)


def test_a_sidecar_may_come_before_its_document() -> None:
    entry = some(described(NEW, said("1"), ("hr",), {"year": 2026.0}, NOW))
    assert (entry.status, entry.live()) == ("pending", None)
    assert ready(entry, put("0")).readers == ("hr",)


def test_a_sidecar_takes_no_turn() -> None:
    entry = some(described(taken(NEW, put("5")), said("1"), ("hr",), {}, LATER))
    assert some(registered(entry, 1, 1)).readers == ("hr",)


def test_a_sidecar_that_comes_again_is_followed_again() -> None:
    entry = some(described(ready(NEW, put("1")), said("1"), ("hr",), {}, NOW))
    assert some(described(entry, said("1"), ("hr",), {}, NOW)) == entry


def test_an_older_sidecar_does_not_undo_a_newer_one() -> None:
    entry = some(described(NEW, said("2"), ("hr",), {}, NOW))
    assert described(entry, said("1"), (), {}, LATER) is None
    assert misdescribed(entry, said("1"), "It is no JSON.", LATER) is None


def test_a_sidecar_that_cannot_be_read_fails_its_document_and_opens_nothing() -> None:
    shown = some(described(ready(NEW, put("1")), said("1"), ("hr",), {}, NOW))
    entry = some(misdescribed(shown, said("2"), "It is no JSON.", LATER))
    assert (entry.status, entry.error, entry.live()) == ("failed", "It is no JSON.", shown.live())
    assert entry.unreaped == {}


@pytest.mark.parametrize("entry", [NEW, gone(ready(NEW, put("1")), put("2"))])
def test_a_sidecar_that_cannot_be_read_fails_no_document_that_is_not_there(entry: Registration) -> None:
    assert some(misdescribed(entry, said("2"), "It is no JSON.", LATER)).status == entry.status


def test_attributes_tell_what_the_chunks_carry() -> None:
    entry = ready(NEW, put("1"))
    assert entry.attributes == entry.indexed_attributes
    assert some(described(entry, said("1"), ("hr",), {}, NOW)).attributes != entry.indexed_attributes
    assert replace(entry, hidden=True).attributes != entry.indexed_attributes


def test_a_number_is_one_attribute_however_it_is_written() -> None:
    assert replace(NEW, metadata={"n": 5}).attributes == replace(NEW, metadata={"n": 5.0}).attributes
    assert replace(NEW, metadata={"n": 1}).attributes != replace(NEW, metadata={"n": True}).attributes


def test_only_what_nobody_needs_is_reaped() -> None:
    old = ready(NEW, put("1"))
    entry = ready(old, put("2"), chunks=5)
    assert reaped(entry, entry.versions).versions == {entry.version: 5}
    assert reaped(entry, {old.version: 2}) == entry  # one chunk more was registered since it was looked at
