"""JSON into text that reads."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.extraction import extract
from rag.documents.json_text import extract_json
from rag.errors import UnreadableDocument


def test_names_and_values_stand_on_lines() -> None:
    value = {
        "plan": "Plus",
        "price": 9.5,
        "help": ["mail", "phone"],
        "old": None,
        "new": True,
        "owner": {"name": "Jo"},
        "tags": [],
    }

    assert extract_json(json.dumps(value)).text == (
        "plan: Plus\nprice: 9.5\nhelp: mail, phone\nold: none\nnew: yes\nowner:\n  name: Jo\ntags: none"
    )


def test_each_object_of_a_list_is_a_paragraph() -> None:
    assert extract_json('[{"a": 1, "b": [{"c": 2}]}, {"a": 3}]').text == "a: 1\nb:\n  -\n    c: 2\n\na: 3"


def test_title_is_its_own() -> None:
    assert extract("a.json", b'{"title": "Leave", "text": "x"}').title == "Leave"
    assert extract("a.json", b'{"title": 7, "text": "x"}').title == "a"


def test_what_escapes_hide_is_stripped() -> None:
    extracted = extract("a.json", rb'{"note": "le\u200bave\udb40\udc41"}')

    assert (extracted.text, extracted.stripped) == ("note: leave", 2)


@pytest.mark.parametrize("text", ["", "{", "[1,]", "{'a': 1}", '{"a": NaN}', "1" * 10_000, '"\\ud800"'])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(UnreadableDocument, match="not valid JSON"):
        extract_json(text)


@pytest.mark.parametrize("depth", [150, 100_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    with pytest.raises(UnreadableDocument, match="deeper"):
        extract_json("[" * depth + "]" * depth)


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_every_string_of_a_document_is_in_its_text(value: object) -> None:
    text = extract_json(json.dumps(value)).text

    def strings(inner: object) -> list[str]:
        if isinstance(inner, dict):
            return [one for item in inner.items() for part in item for one in strings(part)]
        if isinstance(inner, list):
            return [one for item in inner for one in strings(item)]
        return [inner] if isinstance(inner, str) else []

    assert all(one.strip("\n") in text for one in strings(value) if one.strip())
