"""Records of a JSONL file, read from a part of it."""

import hashlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.document import Rejected
from rag.documents.records import MAX_RECORD_BYTES, Record, records

LINES = [b'{"_id": "a", "text": "First."}', b"", b"no record", b'{"_id": "b", "title": "T", "text": "Second."}']


def test_records_and_what_is_none_come_in_order_with_their_lines() -> None:
    first, broken, second = records("c.jsonl", b"\r\n".join(LINES), first_line=7)

    assert first == Record("a", "", "First.", {}, hashlib.sha256(LINES[0]).hexdigest())
    assert isinstance(broken, Rejected)
    assert broken.document_id == "c.jsonl:9"
    assert isinstance(second, Record)
    assert (second.id, second.title) == ("b", "T")


@given(st.lists(st.integers(0, 3), max_size=5))
def test_a_file_reads_the_same_in_parts_as_in_one(cuts: list[int]) -> None:
    data = b"".join(line + b"\n" for line in LINES)
    whole = list(records("c.jsonl", data))
    starts = sorted({0, *cuts, len(LINES)})
    parts = [
        item
        for start, end in pairwise(starts)
        for item in records("c.jsonl", b"".join(line + b"\n" for line in LINES[start:end]), first_line=start + 1)
    ]

    assert parts == whole


def test_a_record_has_its_own_metadata_and_a_field_without_a_value_has_none() -> None:
    [record] = records("c.jsonl", b'{"_id": "a", "text": "t", "more": [1], "metadata": {"year": 1999, "empty": null}}')

    assert isinstance(record, Record)
    assert record.metadata == {"year": 1999}


def test_a_record_without_text_is_found_by_its_title() -> None:
    [record] = records("c.jsonl", b'{"_id": "a", "title": "Only a title", "text": ""}')

    assert isinstance(record, Record)
    assert record.text == "Only a title"


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
    rejected, record = records("c.jsonl", line + b"\n" + LINES[0])

    assert isinstance(rejected, Rejected)
    assert rejected.reason.endswith(".")
    assert isinstance(record, Record)


@given(st.binary(max_size=200))
def test_no_line_stops_the_reading(line: bytes) -> None:
    assert isinstance(list(records("c.jsonl", line.replace(b"\n", b" ") + b"\n" + LINES[0]))[-1], Record)


def test_the_digest_is_the_lines_alone() -> None:
    [first] = records("c.jsonl", b"\xef\xbb\xbf" + LINES[0] + b"\r\n")
    [again] = records("d.jsonl", LINES[0])

    assert isinstance(first, Record)
    assert first == again


def test_invisible_characters_are_stripped_and_counted() -> None:
    [record] = records("c.jsonl", '{"_id": "a", "title": "T\u200b", "text": "le\\u202eave"}'.encode())

    assert isinstance(record, Record)
    assert (record.title, record.text, record.stripped) == ("T", "leave", 2)


def test_a_line_that_is_too_long_is_rejected_and_the_next_is_read() -> None:
    long, record = records("c.jsonl", b'{"_id": "' + b"x" * MAX_RECORD_BYTES + b"\n" + LINES[0])

    assert isinstance(long, Rejected)
    assert isinstance(record, Record)
