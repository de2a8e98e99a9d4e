"""What the splitter is shown of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chunking import Chunker
from rag.documents.document import Document
from rag.inline_markup import hidden


@given(st.text())
def test_the_length_stays(text: str) -> None:
    assert len(hidden(text)) == len(text)


@pytest.mark.parametrize(
    "structure",
    [
        "# Heading",
        "- item",
        "* item",
        "12. item",
        "> quoted",
        "| a | b |",
        "|---|:--:|",
        "---",
        "***",
        "```python",
        "    code",
    ],
)
def test_block_structure_stays(structure: str) -> None:
    assert hidden(structure) == structure


@pytest.mark.parametrize(
    "inline", ["it's", 'a "b" c', "**bold**", "`code`", "[link](url)", "a -- b", "- *item*", "# Don't"]
)
def test_inline_markup_goes(inline: str) -> None:
    assert hidden(inline) != inline


def test_a_long_paragraph_is_cut_between_sentences_and_not_at_its_apostrophes() -> None:
    sentence = "The league's *most* \"active\" player `runs` for the team's [coach](x) all day long. "
    document = Document(document_id="d", title="", source="d", text=sentence * 20)
    (chunks,) = Chunker(100, 0).split("default", [document])
    assert len(chunks) > 2
    assert all(chunk.text.startswith("The league") and chunk.text.endswith("long.") for chunk in chunks)
