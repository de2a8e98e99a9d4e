"""Bytes into text: what encodings are read, and what is refused as no text."""

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cleaning import cleaned
from rag.documents.decoding import decoded
from rag.errors import UnreadableDocument

SENTENCE = "Für 5 € gibt’s „Käse“ – naïve."


@pytest.mark.parametrize(
    "data",
    [
        SENTENCE.encode(),
        codecs.BOM_UTF8 + SENTENCE.encode(),
        SENTENCE.encode("utf-16"),
        codecs.BOM_UTF16_BE + SENTENCE.encode("utf-16-be"),
        SENTENCE.encode("utf-16-le"),
        SENTENCE.encode("utf-16-be"),
        SENTENCE.encode("utf-32"),
        SENTENCE.encode("cp1252"),
    ],
    ids=["utf-8", "utf-8 mark", "utf-16", "utf-16 big", "utf-16-le bare", "utf-16-be bare", "utf-32", "cp1252"],
)
def test_reads_text_in_the_encodings_that_people_save_in(data: bytes) -> None:
    assert decoded(data) == SENTENCE


def test_text_that_was_encoded_twice_is_mended() -> None:
    assert decoded("1979–1986, München".encode().decode("latin-1").encode()) == "1979–1986, München"


@pytest.mark.parametrize("text", ["Ã¼ is what ü becomes", "Â© Acme", "à la carte"])
def test_text_that_only_looks_so_stays(text: str) -> None:
    assert decoded(text.encode()) == text


@pytest.mark.parametrize("data", [bytes(range(256)), b"text\0with a NUL", b"\1\2\3\4" * 20], ids=["all", "NUL", "low"])
def test_refuses_bytes_that_are_no_text(data: bytes) -> None:
    with pytest.raises(UnreadableDocument, match="binary"):
        decoded(data)


@pytest.mark.parametrize("data", [codecs.BOM_UTF16_LE + b"a", codecs.BOM_UTF8 + b"\xff", b"\x81\x8d is undefined"])
def test_refuses_text_that_breaks_its_encoding(data: bytes) -> None:
    with pytest.raises(UnreadableDocument, match="UTF-8"):
        decoded(data)


def test_line_ends_become_newlines_and_control_characters_go() -> None:
    assert cleaned("a\r\nb\rc\u2028d\x0ce\x07f\ufeffg\ud800h") == ("a\nb\nc\nd\nefgh", 3)


def test_characters_are_composed_as_queries_are() -> None:
    assert cleaned("Ko\u0308nnen").text == "Können"


@given(st.binary())
def test_any_bytes_are_text_that_can_be_stored_or_refused(data: bytes) -> None:
    try:
        text = decoded(data)
    except UnreadableDocument:
        return
    cleaned(text).text.encode()


@given(st.text())
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = cleaned(text).text
    assert cleaned(once) == (once, 0)
