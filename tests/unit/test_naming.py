"""Ids that can be stored and named again, and how any is shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents.naming import MAX_ID_BYTES, check_id, printable
from rag.errors import UnreadableDocument


@pytest.mark.parametrize("name", ["hr/leave.md", "a b+c%20d.md", "../up.md", "Käse 日本.txt", "x" * 1024])
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

    assert shown.isprintable()
    assert len(shown) <= MAX_ID_BYTES + 1
