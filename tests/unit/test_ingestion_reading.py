"""The read state: events of documents and sidecars, and changes by hand."""

from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Any

import pytest

from rag.errors import InvalidRequest
from rag.ingestion import intake
from rag.ingestion.staging import Staging
from rag.models import NOBODY
from rag.objects import ObjectContent
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.reading_desk import MAX_BYTES, TENANT, ReadingDesk, lines


@pytest.fixture
def desk() -> ReadingDesk:
    return ReadingDesk()


def by_hand(action: str, document_id: str) -> dict[str, Any]:
    return {"tenant": TENANT, "document_id": document_id, "action": action}


@pytest.mark.parametrize(
    "path", ["a.md", "my notes/a b.md", "1+1=100%.md", "übersicht/日本.md", "../a.md", "a/../../b"]
)
def test_a_document_keeps_its_path_as_its_id(desk: ReadingDesk, path: str) -> None:
    desk.ingest(desk.put(path, "text"))
    assert desk.visible() == {path: "text"}


def test_the_same_content_makes_no_new_version(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))
    before = desk.entry("a.md")

    response = desk.ingest(desk.put("a.md", "text"))

    after = desk.entry("a.md")
    assert (response.next, response.unchanged) == ("done", 1)
    assert (after.live_version, after.status) == (before.live_version, "ready")


def test_an_event_of_what_was_replaced_is_superseded(desk: ReadingDesk) -> None:
    first, second = desk.put("a.md", "first"), desk.put("a.md", "second")

    assert desk.ingest(first).superseded == 1
    assert desk.visible() == {}
    desk.ingest(second)
    assert desk.visible() == {"a.md": "second"}


def test_a_deletion_that_a_new_object_followed_deletes_nothing(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "first"))
    removed, put = desk.remove("a.md"), desk.put("a.md", "second")

    desk.ingest(removed)
    assert desk.visible() == {"a.md": "first"}
    desk.ingest(put)
    desk.ingest(removed)
    assert desk.visible() == {"a.md": "second"}


def test_a_version_that_is_deleted_for_good_is_read_no_more(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "harmless"))
    before = desk.current("a.md")
    desk.ingest(desk.put("a.md", "secret"))

    desk.ingest(desk.delete_for_good("a.md", leaving=before))

    assert desk.visible() == {"a.md": "harmless"}


def test_a_document_whose_deletion_is_taken_back_is_there_again(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))
    before = desk.current("a.md")
    desk.ingest(desk.remove("a.md"))

    desk.ingest(desk.delete_for_good("a.md", leaving=before))

    assert desk.visible() == {"a.md": "text"}


def test_a_former_version_that_expires_changes_nothing(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))
    before = desk.entry("a.md")

    response = desk.ingest(desk.delete_for_good("a.md", leaving=desk.current("a.md")))

    assert (response.next, response.superseded) == ("done", 1)
    assert desk.entry("a.md") == before


def test_a_deletion_is_seen_at_once_and_then_reaped(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))

    response = desk.read(desk.remove("a.md"))

    assert response.next == "reap"
    assert desk.visible() == {}


def test_a_deletion_elsewhere_leaves_the_document(desk: ReadingDesk) -> None:
    desk.bulk({"run": "r", "tenant": TENANT, "prefix": _bulk(desk, "a.md", "text")})

    desk.ingest(desk.remove("a.md"))

    assert desk.visible() == {"a.md": "text"}


def test_a_document_too_large_is_not_fetched(desk: ReadingDesk) -> None:
    response = desk.read(desk.put("a.md", "x" * (MAX_BYTES + 1)))

    assert (response.next, response.failed, desk.fetched) == ("done", 1, [])
    assert "larger than the 0.001 MB" in desk.entry("a.md").error
    assert "Split it" in desk.entry("a.md").error


def test_what_took_the_place_of_a_planned_object_and_is_too_large_is_not_fetched_whole(
    desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = desk.plan({"run": "r", "tenant": TENANT, "prefix": _bulk(desk, "a.md", "text")})
    desk.put("a.md", "x" * (3 * MAX_BYTES), "bulk/")
    fetched = []

    def read(key: str, **part: int) -> ObjectContent | None:
        content = MemoryObjects.read(desk.bucket, key, **part)
        fetched.append(len(content.data) if content and key.startswith("bulk/") else 0)
        return content

    monkeypatch.setattr(desk.bucket, "read", read)
    desk.read(desk.items(planned)[0])

    assert "larger than the 0.001 MB" in desk.entry("a.md").error
    assert max(fetched) <= MAX_BYTES + 1


@pytest.mark.parametrize("path", ["tab\t.md", "a\u202eb.md", "a\x1b[2J.jsonl", "   "], ids=ascii)
def test_a_file_whose_name_cannot_be_shown_fails_under_one_that_can(desk: ReadingDesk, path: str) -> None:
    desk.ingest(desk.put(path, "text"))

    (entry,) = [*desk.documents.documents(TENANT), *desk.records.documents(TENANT)]
    assert entry.document_id.isprintable()
    assert (entry.status, entry.key) == ("failed", f"documents/{TENANT}/{path}")
    assert "Rename the file" in entry.error

    desk.ingest(desk.put_sidecar(path, groups=["hr"]))
    desk.ingest(desk.remove(path))

    (entry,) = [*desk.documents.documents(TENANT), *desk.records.documents(TENANT)]
    assert entry.status == "deleted"


def test_a_run_tells_of_names_that_cannot_be_shown_and_reads_the_rest(desk: ReadingDesk) -> None:
    desk.put("tab\t.md", "text", "bulk/")
    summary = desk.bulk({"run": "r", "tenant": TENANT, "prefix": _bulk(desk, "a.md", "text")})

    assert (summary.ready, summary.failed) == (1, 1)
    assert [one["document_id"] for one in summary.failures] == ["tab\ufffd.md"]


def test_a_sidecar_of_nothing_or_of_a_sidecar_is_no_sidecar(desk: ReadingDesk) -> None:
    said = '{"metadataAttributes": {}}'
    for path in (".metadata.json", "folder/.metadata.json", "a.md.metadata.json.metadata.json"):
        desk.ingest(desk.put(path, said))

    assert desk.visible() == {".metadata.json": said, "folder/.metadata.json": said}
    assert {entry.document_id for entry in desk.documents.documents(TENANT)} == set(desk.visible())


def test_an_unreadable_document_keeps_its_live_version(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))
    desk.ingest(desk.put("a.md", " "))

    assert (desk.entry("a.md").status, desk.entry("a.md").error) == ("failed", "It is empty.")
    assert desk.visible() == {"a.md": "text"}


def test_an_object_gone_meanwhile_is_left_to_its_own_event(desk: ReadingDesk) -> None:
    put = desk.put("a.md", "text")
    desk.remove("a.md")
    assert desk.ingest(put).superseded == 1


@pytest.mark.parametrize("key", ["bulk/acme/a.md", "documents/acme/folder/", "documents/a.md", "other/acme/a.md"])
def test_events_of_other_keys_are_ignored(desk: ReadingDesk, key: str) -> None:
    response = desk.ingest(desk.event("Object Created", key))
    assert (response.next, response.documents, response.superseded) == ("done", 0, 0)


def test_events_of_other_buckets_are_ignored(desk: ReadingDesk) -> None:
    event = desk.put("a.md", "text")
    event["detail"]["bucket"]["name"] = "another"
    assert desk.ingest(event).next == "done"
    assert desk.visible() == {}


def test_a_sidecar_before_its_document_closes_it_from_the_start(desk: ReadingDesk) -> None:
    sidecar = desk.put_sidecar("a.md", groups=["hr"], year=2026)
    document = desk.put("a.md", "text")

    desk.ingest(document)
    desk.ingest(sidecar)

    assert (desk.visible(), desk.visible("hr")) == ({}, {"a.md": "text"})
    assert desk.entry("a.md").metadata == {"year": 2026}


def test_a_sidecar_afterwards_is_followed_without_a_new_version(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))
    version = desk.entry("a.md").live_version

    response = desk.read(desk.put_sidecar("a.md", groups=["hr"]))
    assert (response.next, desk.visible()) == ("regroup", {})
    desk.ingest(desk.event("Object Created", f"documents/{TENANT}/a.md.metadata.json"))

    assert (desk.visible(), desk.visible("hr")) == ({}, {"a.md": "text"})
    assert desk.entry("a.md").live_version == version


def test_a_deleted_sidecar_leaves_the_groups(desk: ReadingDesk) -> None:
    desk.ingest(desk.put_sidecar("a.md", groups=["hr"]))
    desk.ingest(desk.put("a.md", "text"))

    desk.ingest(desk.remove("a.md.metadata.json"))
    desk.ingest(desk.put("a.md", "new"))

    assert (desk.visible(), desk.visible("hr")) == ({}, {"a.md": "new"})


def test_groups_that_a_sidecar_does_not_name_stay(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))
    desk.ingest(desk.put_sidecar("a.md", groups=["hr"]))
    desk.ingest(desk.put_sidecar("a.md", year=2026))
    assert desk.visible() == {}


def test_an_unusable_sidecar_fails_its_document_until_it_is_mended(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "old"))
    broken = desk.put("a.md.metadata.json", "{")
    desk.ingest(desk.put("a.md", "new"))
    desk.ingest(broken)

    assert desk.entry("a.md").status == "failed"
    assert desk.entry("a.md").error.startswith("Its sidecar cannot be used")
    assert desk.visible() == {"a.md": "old"}

    desk.ingest(desk.put_sidecar("a.md", groups=["hr"]))
    assert (desk.visible(), desk.visible("hr")) == ({}, {"a.md": "new"})


def test_where_sidecars_are_required_a_document_waits_for_its_own() -> None:
    desk = ReadingDesk(require_sidecar=True)
    desk.ingest(desk.put("a.md", "text"))
    assert (desk.visible(), desk.entry("a.md").readers) == ({}, (NOBODY,))

    desk.ingest(desk.put_sidecar("a.md", groups=[]))
    assert desk.visible() == {"a.md": "text"}


FILES = pytest.mark.parametrize(("path", "content"), [("a.md", "text"), ("a.jsonl", '{"_id": "a", "text": "text"}')])


@FILES
@pytest.mark.parametrize("first", ["document", "sidecar", "document in bulk"])
def test_a_sidecar_without_groups_opens_no_document_that_waits_for_its_own(path: str, content: str, first: str) -> None:
    desk = ReadingDesk(require_sidecar=True)
    if first == "sidecar":
        desk.ingest(desk.put_sidecar(path, year=2026))
    if first == "document in bulk":
        desk.bulk({"run": "r", "tenant": TENANT, "prefix": _bulk(desk, path, content)})
    else:
        desk.ingest(desk.put(path, content))
    desk.ingest(desk.put_sidecar(path, year=2026))

    (entry,) = desk.documents.documents(TENANT)
    assert (desk.visible(), entry.readers, entry.metadata) == ({}, (NOBODY,), {"year": 2026})
    desk.ingest(desk.put_sidecar(path, groups=["hr"]))
    assert (desk.visible(), list(desk.visible("hr").values())) == ({}, ["text"])


@FILES
@pytest.mark.parametrize("in_bulk", [False, True])
def test_where_sidecars_are_not_required_one_without_groups_hides_nothing(
    desk: ReadingDesk, path: str, content: str, in_bulk: bool
) -> None:
    if in_bulk:
        desk.bulk({"run": "r", "tenant": TENANT, "prefix": _bulk(desk, path, content)})
    else:
        desk.ingest(desk.put(path, content))

    desk.ingest(desk.put_sidecar(path, year=2026))

    assert list(desk.visible().values()) == ["text"]


@FILES
@pytest.mark.parametrize("required", [False, True])
@pytest.mark.parametrize("again", ["by its event", "in bulk", "after a failure"])
def test_a_document_after_a_deletion_waits_for_a_sidecar_of_its_own_where_one_is_required(
    path: str, content: str, required: bool, again: str
) -> None:
    desk = ReadingDesk(require_sidecar=required)
    desk.ingest(desk.put_sidecar(path, groups=[]))
    desk.ingest(desk.put(path, content))
    assert list(desk.visible().values()) == ["text"]
    desk.ingest(desk.remove(f"{path}.metadata.json"))
    desk.ingest(desk.remove(path))

    if again == "in bulk":
        desk.bulk({"run": "r", "tenant": TENANT, "prefix": _bulk(desk, path, content)})
    else:
        put = desk.put(path, content)
        if again == "after a failure":
            desk.fail(put, "Runtime.ExitError")
        desk.ingest(put)
    assert list(desk.visible().values()) == ([] if required else ["text"])

    desk.ingest(desk.put_sidecar(path, groups=[]))
    assert list(desk.visible().values()) == ["text"]


@FILES
def test_an_unusable_sidecar_that_is_deleted_fails_its_document_no_longer(path: str, content: str) -> None:
    desk = ReadingDesk()
    desk.ingest(desk.put_sidecar(path, groups=["hr"]))
    desk.ingest(desk.put(path, "old" if path == "a.md" else content.replace('"text": "text"', '"text": "old"')))
    broken = desk.put(f"{path}.metadata.json", "{")
    desk.ingest(desk.put(path, content))
    desk.ingest(broken)
    registry = desk.records if path == "a.jsonl" else desk.documents
    assert registry.load(TENANT, [path])[path].error.startswith("Its sidecar cannot be used")

    removed = desk.remove(f"{path}.metadata.json")
    desk.ingest(removed, "removed")

    entry = registry.load(TENANT, [path])[path]
    assert (entry.status, entry.error, entry.groups) == ("ready", "", ("hr",))
    assert (desk.visible(), list(desk.visible("hr").values())) == ({}, ["text"])
    desk.ingest(removed, "once more")
    assert registry.load(TENANT, [path])[path] == entry


def test_the_deletion_of_a_sidecar_that_was_put_anew_is_left_to_that(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))
    desk.ingest(desk.put("a.md.metadata.json", "{"))
    removed = desk.remove("a.md.metadata.json")
    mended = desk.put_sidecar("a.md", groups=["hr"])

    desk.ingest(removed, "removed")
    assert desk.entry("a.md").status == "failed"
    desk.ingest(mended, "mended")

    assert (desk.visible(), desk.visible("hr")) == ({}, {"a.md": "text"})


@FILES
def test_a_sidecar_that_says_nothing_usable_has_not_spoken(path: str, content: str) -> None:
    desk = ReadingDesk(require_sidecar=True)
    desk.ingest(desk.put(f"{path}.metadata.json", "{"))
    desk.ingest(desk.remove(f"{path}.metadata.json"))

    desk.ingest(desk.put(path, content))

    assert desk.visible() == {}


def test_an_unusable_sidecar_and_a_failure_together_open_nothing() -> None:
    desk = ReadingDesk(require_sidecar=True)
    desk.ingest(desk.put("a.md.metadata.json", "{"))
    desk.remove("a.md.metadata.json")
    put = desk.put("a.md", "text")
    desk.fail(put, "Runtime.ExitError")

    desk.ingest(put)

    assert desk.visible() == {}


def test_a_document_that_grew_too_large_takes_up_its_sidecar_all_the_same(desk: ReadingDesk) -> None:
    desk.bulk({"run": "r", "tenant": TENANT, "prefix": _bulk(desk, "a.md", "text")})
    desk.put_sidecar("a.md", "bulk/", groups=["hr"])

    desk.bulk({"run": "s", "tenant": TENANT, "prefix": _bulk(desk, "a.md", "x" * (MAX_BYTES + 1))})

    assert (desk.visible(), desk.visible("hr")) == ({}, {"a.md": "text"})


def test_a_document_that_failed_first_waits_as_well() -> None:
    desk = ReadingDesk(require_sidecar=True)
    put = desk.put("a.md", "text")
    desk.fail(put, "Runtime.ExitError")
    desk.ingest(put)
    assert desk.visible() == {}


def test_deleting_by_hand_takes_the_object_and_its_sidecar(desk: ReadingDesk) -> None:
    desk.ingest(desk.put_sidecar("a.md", year=2026))
    put = desk.put("a.md", "text")
    desk.ingest(put)

    desk.ingest(by_hand("delete", "a.md"), "by-hand")
    desk.ingest(put)

    assert (desk.visible(), desk.entry("a.md").status) == ({}, "deleted")
    assert list(desk.bucket.list("documents/")) == []
    assert list(desk.index.ids(TENANT)) == []


def test_reindexing_by_hand_makes_a_new_version_of_the_same(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("a.md", "text"))
    before = desk.entry("a.md").live_version

    desk.ingest(by_hand("reindex", "a.md"), "by-hand")

    assert desk.entry("a.md").live_version != before
    assert desk.visible() == {"a.md": "text"}


def test_ingesting_by_hand_tries_a_failed_document_again(desk: ReadingDesk) -> None:
    put = desk.put("a.md", "text")
    desk.fail(put, "States.Timeout")
    assert desk.entry("a.md").status == "failed"

    desk.ingest(by_hand("ingest", "a.md"), "by-hand")

    assert desk.visible() == {"a.md": "text"}


@pytest.mark.parametrize("action", ["ingest", "delete", "reindex"])
def test_an_unknown_document_is_refused_and_leaves_no_trace(desk: ReadingDesk, action: str) -> None:
    with pytest.raises(InvalidRequest, match="no document with this id"):
        desk.ingest(by_hand(action, "a.md"))
    desk.fail(by_hand(action, "a.md"), "InvalidRequest", '{"errorMessage": "There is no document with this id."}')
    assert list(desk.documents.documents(TENANT)) == []


def _foreign(form: str) -> dict[str, Any]:
    listed = [{"key": "documents/other/a.md", "size": 4, "etag": "e"}]
    span = {"key": "documents/other/a.jsonl", "etag": "e", "start": 0, "end": 9, "generation": "1-x"}
    return {"run": "r", "number": 0, "tenant": TENANT, form: listed if form == "objects" else span}


@pytest.mark.parametrize("form", ["objects", "records"])
def test_an_item_of_a_run_reaches_no_other_tenant(desk: ReadingDesk, form: str) -> None:
    desk.bucket.write("documents/other/a.md", b"text")
    desk.bucket.write("documents/other/a.jsonl", lines(a="text").encode())

    with pytest.raises(InvalidRequest, match="must lie below the run's tenant"):
        desk.ingest(_foreign(form))
    desk.fail(_foreign(form), "InvalidRequest")
    for document_id in ("a.md", "a.jsonl"):
        with pytest.raises(InvalidRequest, match="no document with this id"):
            desk.ingest(by_hand("reindex", document_id))

    assert (desk.visible(), desk.fetched) == ({}, [])


def test_an_item_of_a_run_reads_what_is_new_and_passes_the_rest(desk: ReadingDesk) -> None:
    desk.ingest(desk.put("same.md", "same"))
    for path, content in (("same.md", "same"), ("new.md", "new"), ("empty.md", ""), ("bad\u0000.md", "x")):
        desk.put(path, content)

    summary = desk.bulk({"run": "r", "tenant": TENANT, "prefix": f"documents/{TENANT}/"})

    assert (summary.ready, summary.unchanged, summary.failed) == (1, 1, 2)
    assert desk.visible() == {"same.md": "same", "new.md": "new"}


@pytest.mark.parametrize("repeated", ["first", "second"])
def test_of_two_versions_read_side_by_side_the_newer_wins(repeated: str) -> None:
    for after in count(1):
        desk = ReadingDesk()
        first = desk.put("a.md", "first")
        second = desk.ingest_while(first, after, partial(desk.put, "a.md", "second"))
        if second is None:
            break
        desk.ingest(first if repeated == "first" else second, "once more")
        assert desk.visible() == {"a.md": "second"}, after
    assert after > 5


def test_a_sidecar_that_comes_while_its_document_is_read_is_never_undone() -> None:
    for after in count(1):
        desk = ReadingDesk()
        desk.ingest(desk.put_sidecar("a.md", groups=["it"]))
        desk.ingest(desk.put("a.md", "old"))
        put = desk.put("a.md", "new")
        if desk.ingest_while(put, after, partial(desk.put_sidecar, "a.md", groups=["hr"])) is None:
            break
        assert desk.entry("a.md").groups == ("hr",), after
        assert desk.visible("it") == {}, after
    assert after > 3


def test_what_is_read_while_it_is_deleted_by_hand_is_deleted_as_well() -> None:
    for after in count(1):
        desk = ReadingDesk()
        prefix = _bulk(desk, "a.md", "text")
        desk.bulk({"run": "r1", "tenant": TENANT, "prefix": prefix})
        _bulk(desk, "a.md", "new")
        (item,) = desk.items(desk.plan({"run": "r2", "tenant": TENANT, "prefix": prefix}))
        if desk.ingest_while(by_hand("delete", "a.md"), after, partial(dict, item)) is None:
            break
        assert desk.visible() == {}, after
    assert after > 3


def test_what_an_earlier_attempt_staged_is_gone(desk: ReadingDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "_PART_BYTES", 1)
    for path in ("a.md", "b.md"):
        desk.put(path, "old")
    (item,) = desk.items(desk.plan({"run": "r", "tenant": TENANT, "prefix": f"documents/{TENANT}/"}))
    work = desk.read(item).work
    desk.ingest(desk.put("b.md", "new"), "newer")

    desk.read(item)

    staging = Staging(desk.bucket, work)
    assert [document.document_id for document in staging.documents(0) or ()] == ["a.md"]
    assert staging.documents(1) is None


def put(desk: ReadingDesk) -> dict[str, Any]:
    return desk.put("a.md", "new")


def put_sidecar(desk: ReadingDesk) -> dict[str, Any]:
    return desk.put_sidecar("a.md", groups=["hr"])


def remove(desk: ReadingDesk) -> dict[str, Any]:
    return desk.remove("a.md")


def delete_by_hand(_: ReadingDesk) -> dict[str, Any]:
    return by_hand("delete", "a.md")


def reindex_by_hand(_: ReadingDesk) -> dict[str, Any]:
    return by_hand("reindex", "a.md")


@pytest.mark.parametrize("retry", ["first", "again"])
@pytest.mark.parametrize("change", [put, put_sidecar, remove, delete_by_hand, reindex_by_hand])
def test_killed_between_any_two_writes_it_comes_to_the_same(
    change: Callable[[ReadingDesk], dict[str, Any]], retry: str
) -> None:
    def begun() -> ReadingDesk:
        desk = ReadingDesk()
        desk.ingest(desk.put_sidecar("a.md", year=2025))
        desk.ingest(desk.put("a.md", "old"))
        return desk

    undisturbed = begun()
    undisturbed.ingest(change(undisturbed), "first")
    for after in count(1):
        desk = begun()
        if not desk.ingest_killed(change(desk), after, retry):
            break
        assert desk.state() == undisturbed.state()
    assert after > 3


def _bulk(desk: ReadingDesk, path: str, content: str) -> str:
    desk.put(path, content, "bulk/")
    return f"bulk/{TENANT}/"
