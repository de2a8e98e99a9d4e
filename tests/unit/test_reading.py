"""Files and BEIR records as documents; what cannot be one is rejected with a reason, and the rest goes on."""

import json
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.attributes import MAX_METADATA_BYTES, Attributes, parse_metadata
from rag.documents.document import Document, Rejected
from rag.documents.reading import read_file, read_records
from rag.errors import InvalidRequest

STAFF = Attributes(("staff",), {"year": 2026})


def records(*lines: object) -> list[Document | Rejected]:
    raw = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    return list(read_records("corpus.jsonl", BytesIO(raw), STAFF))


def test_a_file_is_a_document_named_by_its_path() -> None:
    assert read_file("hr/leave.md", b"# Leave\n\n25 days.", STAFF) == Document(
        "hr/leave.md", "Leave", "hr/leave.md", "# Leave\n\n25 days.", ("staff",), {"year": 2026}
    )


@pytest.mark.parametrize("name", ["a\nb.md", "\udcff.md", "x" * 1025, " "], ids=["newline", "bytes", "long", "blank"])
def test_a_file_whose_name_cannot_be_an_id_is_rejected(name: str) -> None:
    rejected = read_file(name, b"text", STAFF)

    assert isinstance(rejected, Rejected)
    rejected.document_id.encode()


def test_each_record_is_a_document() -> None:
    assert records({"_id": "7", "title": "T", "text": "Text."}, {"_id": "8", "text": "Other.", "more": [1]}) == [
        Document("7", "T", "corpus.jsonl", "Text.", ("staff",), {"year": 2026}),
        Document("8", "", "corpus.jsonl", "Other.", ("staff",), {"year": 2026}),
    ]


def test_a_records_metadata_stands_beside_the_loads_which_wins() -> None:
    [document] = records({"_id": "7", "text": "t", "metadata": {"kind": "abstract", "year": 1999, "empty": None}})

    assert isinstance(document, Document)
    assert document.metadata == {"kind": "abstract", "year": 2026}


def test_a_record_without_text_is_found_by_its_title() -> None:
    [document] = records({"_id": "7", "title": "Only a title", "text": ""})

    assert isinstance(document, Document)
    assert document.text == "Only a title"


def test_a_byte_order_mark_and_blank_lines_are_passed_over() -> None:
    assert [type(one) for one in records(b'\xef\xbb\xbf{"_id": "1", "text": "a"}', b"", b"  ")] == [Document]


@pytest.mark.parametrize(
    "line",
    [
        b"not json",
        b"[]",
        b'{"text": "no id"}',
        b'{"_id": 7, "text": "t"}',
        b'{"_id": "7", "text": null}',
        b'{"_id": "", "text": "t"}',
        b'{"_id": "a\\u0000b", "text": "t"}',
        b'{"_id": "\\ud800", "text": "t"}',
        b'{"_id": "7", "text": "\xff"}',
        b'{"_id": "7", "text": " \\n"}',
        b'{"_id": "7", "text": "\\ud800"}',
        b'{"_id": "7", "text": "t", "metadata": {"groups": ["hr"]}}',
        b'{"_id": "7", "text": "t", "metadata": {"list": [1]}}',
        b'{"_id": "7", "text": "t", "x": NaN}',
        b'{"_id": "7", "text": "t", "metadata": {"x": ' + b"[" * 100_000 + b"}}",
    ],
)
def test_a_line_that_is_no_record_is_rejected_and_the_next_is_read(line: bytes) -> None:
    rejected, document = records(line, {"_id": "next", "text": "t"})

    assert isinstance(rejected, Rejected)
    assert rejected.reason.endswith(".")
    assert isinstance(document, Document)


@given(st.binary(max_size=200))
def test_no_line_stops_the_reading(line: bytes) -> None:
    assert isinstance(records(line.replace(b"\n", b" "), {"_id": "next", "text": "t"})[-1], Document)


@pytest.mark.parametrize(
    "metadata",
    [{"kind": "policy", "year": 2024, "share": 0.5, "draft": False}, {"big": 2**53}, {}],
)
def test_scalars_are_metadata(metadata: dict[str, Any]) -> None:
    assert parse_metadata(metadata) == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        {"groups": "hr"},
        {"1st": 1},
        {"a b": 1},
        {"a": []},
        {"a": {}},
        {"a": 2**53 + 1},
        {"a": float("nan")},
        {"a": "line\nend"},
        {"a": "\ud800"},
        {"a": "x" * MAX_METADATA_BYTES},
    ],
    ids=repr,
)
def test_what_no_store_can_hold_is_no_metadata(metadata: object) -> None:
    with pytest.raises(InvalidRequest):
        parse_metadata(metadata)
