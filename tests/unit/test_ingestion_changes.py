"""What may start an ingestion, and what may not."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import InvalidRequest
from rag.ingestion.changes import (
    ByHand,
    CopyItem,
    Ignored,
    ObjectsItem,
    RecordsItem,
    Removed,
    Stored,
    parse_change,
    work_of,
)
from rag.objects import ObjectInfo

BUCKET = "documents-bucket"


def event(kind: str = "Object Created", key: str = "documents/acme/a.md", **told: Any) -> dict[str, Any]:
    described = {"key": key, "sequencer": "00A1", "version-id": "v1", "etag": "e1", "size": 4, **told}
    detail = {"version": "0", "bucket": {"name": BUCKET}, "object": described, "reason": "PutObject"}
    return {"version": "0", "source": "aws.s3", "detail-type": kind, "detail": detail}


def item(**fields: Any) -> dict[str, Any]:
    return {"run": "r1", "number": 7, "tenant": "acme", **fields}


def test_an_event_is_parsed() -> None:
    assert isinstance(parse_change(event("Object Deleted"), BUCKET), Removed)
    stored = parse_change(event(), BUCKET)
    assert isinstance(stored, Stored)
    assert (stored.key.tenant, stored.key.path, stored.sequencer) == ("acme", "a.md", "00A1")
    assert stored.origin.name == "documents/acme/a.md@00A1"


@pytest.mark.parametrize("path", ["a b+c%20.md", "日本.md", "../x", "a//b", "a.md.metadata.json"])
def test_keys_are_taken_verbatim(path: str) -> None:
    change = parse_change(event(key=f"documents/acme/{path}"), BUCKET)
    assert isinstance(change, Stored)
    assert change.key.path == path


@pytest.mark.parametrize(
    ("told", "info", "expected"),
    [
        ({}, ObjectInfo("k", 1, "other", "v1"), True),
        ({}, ObjectInfo("k", 1, "e1", "v2"), False),
        ({"version-id": ""}, ObjectInfo("k", 1, "e1", "v2"), True),
        ({"version-id": "", "etag": '"e1"'}, ObjectInfo("k", 1, "e1"), True),
        ({"version-id": "", "etag": "", "eTag": "e1"}, ObjectInfo("k", 1, "e2"), False),
        ({"version-id": "", "etag": ""}, ObjectInfo("k", 1, "e2"), True),
    ],
)
def test_an_event_is_of_one_object(told: dict[str, str], info: ObjectInfo, expected: bool) -> None:
    change = parse_change(event(**told), BUCKET)
    assert isinstance(change, Stored)
    assert change.is_of(info) is expected


@pytest.mark.parametrize(
    "value",
    [event(key="bulk/acme/a.md"), event(key="runs/x"), event(key="documents/acme/dir/"), event(key="documents/acme")],
)
def test_events_of_no_document_are_ignored(value: dict[str, Any]) -> None:
    assert isinstance(parse_change(value, BUCKET), Ignored)


def test_what_was_ingested_in_bulk_may_be_deleted_by_an_event_too() -> None:
    assert isinstance(parse_change(event("Object Deleted", "bulk/acme/a.md"), BUCKET), Removed)


def test_events_of_another_bucket_are_ignored() -> None:
    assert isinstance(parse_change(event(), "another"), Ignored)


@pytest.mark.parametrize("tenant", ["Acme", "a_b", "-a", "a" * 64])
def test_a_key_with_no_tenant_in_it_is_refused(tenant: str) -> None:
    with pytest.raises(InvalidRequest, match="names the tenant"):
        parse_change(event(key=f"documents/{tenant}/a.md"), BUCKET)


def test_items_and_changes_by_hand_are_parsed() -> None:
    listed = {"key": "bulk/acme/a.md", "size": 1, "etag": "e", "sidecar": True}
    part = {"key": "bulk/acme/a.jsonl", "etag": "e", "start": 0, "end": 9, "generation": "1-a"}
    copied = {"documents": ["a"]}
    by_hand = {"tenant": "acme", "document_id": "a", "action": "delete"}
    forms: list[tuple[dict[str, Any], type, str]] = [
        (item(objects=[listed]), ObjectsItem, "staging/acme/r1-7"),
        (item(records=part), RecordsItem, "staging/acme/r1-7"),
        (item(copy=copied), CopyItem, "staging/acme/r1-7"),
        (by_hand, ByHand, "staging/acme/t"),
        (event(), Stored, "staging/acme/t"),
    ]
    for value, form, prefix in forms:
        change = parse_change(value, BUCKET)
        assert type(change) is form
        assert work_of(change, "t").prefix == prefix


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"query": "x"},
        event("Object Restored"),
        event(sequencer=""),
        {"detail-type": "Object Created", "detail": {}},
        {"tenant": "acme", "document_id": "a", "action": "purge"},
        {"tenant": "Acme!", "document_id": "a", "action": "delete"},
        {"tenant": "acme", "document_id": "a", "action": "delete", "force": True},
        item(objects=[{"key": 1}]),
        item(objects=[], records=[]),
        item(run="a/b", objects=[]),
        {"tenant": "acme", "document_id": "a" * 1_025, "action": "delete"},
        item(objects=[{"key": "bulk/acme/" + "a" * 1_024, "size": 1, "etag": "e"}]),
    ],
)
def test_anything_else_is_refused(value: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        parse_change(value, BUCKET)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
_NAMES = st.sampled_from(["detail-type", "detail", "action", "objects", "records", "copy", "tenant", "run", "number"])


@given(st.dictionaries(_NAMES, _JSON))
def test_whatever_comes_is_parsed_or_refused(value: dict[str, Any]) -> None:
    with suppress(InvalidRequest):
        assert parse_change(value, BUCKET)
