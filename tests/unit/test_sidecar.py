"""Sidecars: attributes and groups of a document, and nothing that could open it by a slip."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.sidecar import Sidecar, parse_sidecar
from rag.errors import InvalidRequest


def parse(attributes: object, **others: object) -> Sidecar:
    return parse_sidecar(json.dumps({"metadataAttributes": attributes, **others}).encode())


def typed(kind: str, **value: object) -> dict[str, Any]:
    return {"value": {"type": kind, **value}, "includeForEmbedding": True}


def test_both_forms_of_bedrock_are_read() -> None:
    attributes = {
        "year": 2026,
        "draft": False,
        "kind": typed("STRING", stringValue="policy"),
        "share": typed("NUMBER", numberValue=0.5),
        "final": typed("BOOLEAN", booleanValue=True),
    }

    assert parse(attributes) == Sidecar(
        None, {"year": 2026, "draft": False, "kind": "policy", "share": 0.5, "final": True}
    )


@pytest.mark.parametrize(
    ("groups", "parsed"),
    [
        ([], ()),
        (["hr", "board"], ("hr", "board")),
        (["hr", "hr"], ("hr",)),
        (typed("STRING_LIST", stringListValue=["hr"]), ("hr",)),
    ],
)
def test_groups_say_who_may_read(groups: object, parsed: tuple[str, ...]) -> None:
    assert parse({"groups": groups}) == Sidecar(parsed, {})


def test_where_nothing_is_said_of_groups_none_are_given() -> None:
    assert parse({}).groups is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_editors_save_it_in_several_encodings(encoding: str) -> None:
    assert parse_sidecar('{"metadataAttributes": {"city": "Köln"}}'.encode(encoding)).metadata == {"city": "Köln"}


@pytest.mark.parametrize(
    "groups",
    [None, "hr", "", 7, {}, ["HR"], ["h r"], [""], [7], [["hr"]], [None], ["-hr"], ["hr\n"], ["a"] * 65, ["x" * 64],
     typed("STRING", stringValue="hr"), typed("STRING_LIST", stringListValue="hr"), typed("STRING_LIST")],
    ids=repr,
)  # fmt: skip
def test_malformed_groups_are_refused(groups: object) -> None:
    with pytest.raises(InvalidRequest, match=r"group|value"):
        parse({"groups": groups})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"no json",
        b'{"metadataAttributes": []}',
        b'{"metadataAttributes": {}, "groups": ["hr"]}',
        b'{"groups": ["hr"]}',
        b'{"metadataAttributes": {"Groups": ["hr"]}}',
        b'{"metadataAttributes": {"GROUPS": "hr"}}',
        b'{"metadataAttributes": {" groups": ["hr"]}}',
        b'{"metadataAttributes": {"groups": ["hr"], "groups": []}}',
        b'{"metadataAttributes": {}, "metadataAttributes": {"groups": ["hr"]}}',
        b'{"metadataAttributes": {"a": NaN}}',
        b'{"metadataAttributes": {"a": ["list"]}}',
        b'{"metadataAttributes": {"a": {"value": "x"}}}',
        b'{"metadataAttributes": {"a": {"value": {"type": "NUMBER", "numberValue": true}}}}',
        b'{"metadataAttributes": {"a": {"value": {"type": "STRING", "stringValue": "x"}, "other": 1}}}',
        b'{"metadataAttributes": {"a": {"value": {"type": [], "stringValue": "x"}}}}',
        b'{"metadataAttributes": {"a": {"value": {"type": "STRING", "stringValue": "x"}, "includeForEmbedding": 1}}}',
        b'{"metadataAttributes": {"a": ' + b"[" * 60_000 + b"}}",
        b'{"metadataAttributes": {"a": ' + b"1" * 10_000 + b"}}",
        b'{"metadataAttributes": {"a": "' + b"x" * 70_000 + b'"}}',
    ],
    ids=lambda raw: raw[:80].decode(),
)
def test_whatever_is_not_understood_is_refused_as_a_whole(raw: bytes) -> None:
    with pytest.raises(InvalidRequest, match=r"^Its metadata file .*\.$"):
        parse_sidecar(raw)


def test_a_message_holds_no_value() -> None:
    with pytest.raises(InvalidRequest) as raised:
        parse({"groups": ["Secret Group"]})
    assert "Secret" not in str(raised.value)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_sidecar_or_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_sidecar(data)
