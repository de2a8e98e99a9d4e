"""Ids that can be stored and named again, and how any is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.naming import check_id, printable
from rag.errors import UnreadableDocument
from rag.identity import MAX_ID_BYTES, nameable, prints


@pytest.mark.parametrize(
    "name",
    [
        "hr/leave.md",
        "a b+c%20d.md",
        "../up.md",
        "Käse 日本.txt",
        "x" * 1024,
        "Screenshot at 3.45\u202fPM.pdf",
        "議事録\u3000六月.md",
        "👩\u200d🔬.md",
        "नि\u200cशान.md",
    ],
    ids=ascii,
)
def test_what_a_file_may_be_called_is_an_id(name: str) -> None:
    check_id(name)


@pytest.mark.parametrize(
    "name", ["a\nb.md", "\udcff.md", "x" * 1025, "ä" * 513, " ", "", "a\u202eb"], ids=lambda name: ascii(name)[:20]
)
def test_what_could_not_be_named_again_is_none(name: str) -> None:
    with pytest.raises(UnreadableDocument):
        check_id(name)


@given(st.text() | st.text(st.characters(categories=["Cs", "Cc", "Cf"])))
def test_any_id_can_be_shown(name: str) -> None:
    shown = printable(name)

    assert all(map(prints, shown))
    assert len(shown) <= MAX_ID_BYTES + 1


@given(st.text(min_size=1) | st.text(st.characters(categories=["Cs", "Cc", "Cf", "Zs"]), min_size=1))
def test_any_file_can_be_named(name: str) -> None:
    check_id(nameable(name))


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S"]), min_size=1, max_size=256))
def test_a_file_that_can_be_named_keeps_its_name(name: str) -> None:
    assert nameable(name) == name
