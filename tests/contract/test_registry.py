"""One contract for the Registry port: the fake, and DynamoDB as moto serves it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from rag.adapters.dynamodb_registry import DynamoRegistry
from rag.models import EVERYONE, NOBODY
from rag.ports import Registry
from rag.registration import LiveVersion, Registration
from tests.contract.registry_table import TABLE, create_registry_table
from tests.fakes.memory_registry import MemoryRegistry

NOW = 1_800_000_000.0
DAY = 86_400
STRANGE_IDS = ["a b", "a+b", "100%", "../up", "é/日本", "a#b", "'; --", "x" * 1_024]


@pytest.fixture
def client(mocked_aws: None) -> Any:
    return create_registry_table()


@pytest.fixture(params=["memory", "dynamodb"])
def registry(request: pytest.FixtureRequest) -> Registry:
    if request.param == "memory":
        return MemoryRegistry()
    return DynamoRegistry(TABLE, client=request.getfixturevalue("client"), clock=lambda: NOW, pause=lambda _: None)


def an_entry(document_id: str = "a", **fields: Any) -> Registration:
    return Registration("acme", document_id, **fields)


def only(entries: Mapping[str, Registration]) -> Registration:
    (entry,) = entries.values()
    return entry


def test_an_unknown_document_has_an_entry_of_revision_0(registry: Registry) -> None:
    assert registry.load("acme", ["a"]) == {"a": Registration("acme", "a")}


def test_what_is_stored_is_loaded_with_the_next_revision(registry: Registry) -> None:
    entry = an_entry(
        turn=3,
        origin="documents/acme/a@0A",
        seen={"documents/acme/a": "0A"},
        status="failed",
        error="It is empty.",
        source="f.jsonl",
        key="documents/acme/f.jsonl",
        live_version="2-x",
        versions={"2-x": 7, "3-y": 1},
        content_hash="c",
        title="Títle",
        format="text",
        size=12,
        stripped=1,
        groups=("hr", "it"),
        metadata={"year": 2026.0, "draft": True, "name": "é", "ratio": 1e300},
        hidden=True,
        indexed_attributes="d",
        generation="g",
        created_at="2026-11-22T11:00:00Z",
        updated_at="2026-11-22T11:00:01Z",
    )
    assert registry.store([entry]) == {}
    assert registry.load("acme", ["a"]) == {"a": replace(entry, revision=1)}


def test_attributes_are_the_same_after_storing(registry: Registry) -> None:
    entry = an_entry(metadata={"year": 2026, "half": 0.5, "draft": True}, groups=("hr",))
    registry.store([entry])
    assert only(registry.load("acme", ["a"])).attributes == entry.attributes


@pytest.mark.parametrize("document_id", STRANGE_IDS)
def test_an_id_is_kept_verbatim(registry: Registry, document_id: str) -> None:
    entry = an_entry(document_id, live_version="1", versions={"1": 1})
    registry.store([entry])
    assert registry.load("acme", [document_id]) == {document_id: replace(entry, revision=1)}
    assert set(registry.live("acme", [document_id])) == {document_id}
    assert list(registry.documents("acme")) == [replace(entry, revision=1)]


def test_of_two_who_read_the_same_revision_one_is_told_what_the_other_stored(registry: Registry) -> None:
    registry.store([an_entry()])
    read = only(registry.load("acme", ["a"]))
    assert registry.store([replace(read, title="first")]) == {}
    stored = replace(read, title="first", revision=2)
    assert registry.store([replace(read, title="second")]) == {"a": stored}
    assert registry.load("acme", ["a"]) == {"a": stored}


def test_of_two_who_create_an_entry_one_is_told(registry: Registry) -> None:
    registry.store([an_entry(title="first")])
    assert registry.store([an_entry(title="second")]) == {"a": an_entry(title="first", revision=1)}


def test_a_revision_that_was_never_stored_is_outdated(registry: Registry) -> None:
    assert registry.store([an_entry(revision=4)]) == {"a": an_entry()}
    assert list(registry.documents("acme")) == []


def test_of_many_entries_only_the_outdated_are_not_stored(registry: Registry) -> None:
    registry.store([an_entry("7", title="other"), an_entry("103", title="other")])
    conflicts = registry.store([an_entry(str(number), title="mine") for number in range(120)])
    assert set(conflicts) == {"7", "103"}
    titles = {entry.document_id: entry.title for entry in registry.documents("acme")}
    assert len(titles) == 120
    assert {id_ for id_, title in titles.items() if title == "other"} == {"7", "103"}


def test_entries_that_are_large_together_are_stored(registry: Registry) -> None:
    entries = [an_entry(str(number), error="x" * 100_000) for number in range(60)]
    assert registry.store(entries) == {}
    assert len(registry.load("acme", [entry.document_id for entry in entries])) == 60
    assert all(entry.revision == 1 for entry in registry.documents("acme"))


def test_nothing_is_stored_and_loaded_for_nothing(registry: Registry) -> None:
    assert registry.store([]) == {}
    assert registry.load("acme", []) == {}
    assert registry.live("acme", []) == {}
    assert list(registry.tenants()) == []


def test_what_is_live_is_told_with_its_readers(registry: Registry) -> None:
    registry.store(
        [
            an_entry("open", live_version="1-a", versions={"1-a": 1}),
            an_entry("closed", live_version="2-b", versions={"2-b": 1}, groups=("hr", "it")),
            an_entry("hidden", live_version="3-c", versions={"3-c": 1}, groups=("hr",), hidden=True),
            an_entry("pending"),
        ]
    )
    assert registry.live("acme", ["open", "closed", "hidden", "pending", "unknown"]) == {
        "open": LiveVersion("1-a", (EVERYONE,)),
        "closed": LiveVersion("2-b", ("hr", "it")),
        "hidden": LiveVersion("3-c", (NOBODY,)),
    }


def test_what_is_live_no_more_is_not_told(registry: Registry) -> None:
    registry.store([an_entry(live_version="1-a", versions={"1-a": 1})])
    registry.store([replace(only(registry.load("acme", ["a"])), live_version="", status="deleted")])
    assert registry.live("acme", ["a"]) == {}


def test_an_id_may_be_asked_for_twice(registry: Registry) -> None:
    registry.store([an_entry(live_version="1", versions={"1": 1})])
    assert set(registry.live("acme", ["a", "a"])) == {"a"}
    assert set(registry.load("acme", ["a", "b", "a", "b"])) == {"a", "b"}


def test_more_is_read_than_one_request_may_ask_for(registry: Registry) -> None:
    entries = [an_entry(str(number), live_version="1", versions={"1": 1}) for number in range(450)]
    registry.store(entries)
    ids = [entry.document_id for entry in entries]
    assert list(registry.load("acme", ids)) == ids
    assert set(registry.live("acme", ids)) == set(ids)


def test_tenants_are_apart(registry: Registry) -> None:
    registry.store([Registration("acme", "a", live_version="1", versions={"1": 1})])
    registry.store([Registration("other", "b")])
    assert registry.live("other", ["a"]) == {}
    assert [entry.document_id for entry in registry.documents("other")] == ["b"]
    assert list(registry.tenants()) == ["acme", "other"]


def test_the_entries_of_one_source_are_found(registry: Registry) -> None:
    registry.store(
        [
            an_entry("r1", source="f.jsonl"),
            an_entry("r2", source="f.jsonl"),
            an_entry("f.jsonl", source="f.jsonl"),
            an_entry("g.jsonl", source="f.jsonl"),
            an_entry("r3", source="g.jsonl"),
            an_entry("described only"),
        ]
    )
    registry.store([Registration("other", "r1", source="f.jsonl")])
    assert {entry.document_id for entry in registry.documents("acme", source="f.jsonl")} == {
        "r1",
        "r2",
        "f.jsonl",
        "g.jsonl",
    }
    assert {entry.document_id for entry in registry.documents("acme", source="g.jsonl")} == {"r3"}


def test_an_entry_moves_with_its_source(registry: Registry) -> None:
    registry.store([an_entry("r", source="f.jsonl")])
    registry.store([replace(only(registry.load("acme", ["r"])), source="g.jsonl")])
    assert list(registry.documents("acme", source="f.jsonl")) == []
    assert [entry.document_id for entry in registry.documents("acme", source="g.jsonl")] == ["r"]


def items_of(client: Any) -> dict[str, Any]:
    found = client.scan(TableName=TABLE)["Items"]
    return {item["sk"]["S"]: item for item in found if item["pk"]["S"] == "document#acme"}


def test_only_what_was_deleted_and_reaped_expires(client: Any) -> None:
    registry = DynamoRegistry(TABLE, client=client, clock=lambda: NOW)
    registry.store(
        [
            an_entry("reaped", status="deleted"),
            an_entry("to be reaped", status="deleted", versions={"1": 1}),
            an_entry("failed", status="failed"),
            an_entry("ready", status="ready", live_version="1", versions={"1": 1}),
        ]
    )
    expiring = {id_: item["expires_at"] for id_, item in items_of(client).items() if "expires_at" in item}
    assert expiring == {"reaped": {"N": str(int(NOW) + 90 * DAY)}}


def test_an_entry_that_comes_back_expires_no_more(client: Any) -> None:
    registry = DynamoRegistry(TABLE, client=client, clock=lambda: NOW)
    registry.store([an_entry(status="deleted")])
    registry.store([replace(only(registry.load("acme", ["a"])), status="indexing")])
    assert "expires_at" not in items_of(client)["a"]


def test_an_expired_entry_that_is_still_there_still_orders_events(client: Any) -> None:
    DynamoRegistry(TABLE, client=client, clock=lambda: NOW).store([an_entry(status="deleted", turn=7)])
    later = DynamoRegistry(TABLE, client=client, clock=lambda: NOW + 91 * DAY)
    assert only(later.load("acme", ["a"])).turn == 7


def test_documents_and_files_of_one_name_are_apart(client: Any) -> None:
    documents = DynamoRegistry(TABLE, client=client)
    files = DynamoRegistry(TABLE, "file", client=client)
    documents.store([an_entry("f.jsonl", title="document")])
    files.store([an_entry("f.jsonl", title="file")])
    assert only(documents.load("acme", ["f.jsonl"])).title == "document"
    assert [entry.title for entry in files.documents("acme")] == ["file"]


def test_a_listing_of_many_pages_is_complete(client: Any) -> None:
    registry = DynamoRegistry(TABLE, client=client)
    registry.store([an_entry(str(number), error="x" * 90_000, source="f.jsonl") for number in range(30)])
    assert len(list(registry.documents("acme"))) == 30
    assert len(list(registry.documents("acme", source="f.jsonl"))) == 30
