"""What the model itself writes is bounded as it will be shown, whatever the passages are."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.bounding import BoundedAnswer, bounded
from rag.contracts import Prompt, PromptSource
from tests.rendered import elements, followed

PASSAGE = "Rooms cost 180 euros, says https://corp.example/rooms?q= of corp.example."
OPENING = '<passage-abc n="1" title="Rooms" source="rooms.pdf">\n'


def answered(words: str) -> BoundedAnswer:
    """Bound what a model wrote of this one passage."""
    source = PromptSource(
        n=1, chunk_id="c1", document_id="d1", title="Rooms", source="rooms.pdf", page=None, start=0, score=0.9,
        text_start=len(OPENING), text_end=len(OPENING) + len(PASSAGE),
    )  # fmt: skip
    return bounded(words, Prompt(system="s", user=f"{OPENING}{PASSAGE}\n</passage-abc>", sources=[source]))


@pytest.mark.parametrize(
    ("words", "left"),
    [
        ("See ev\u200bil.com/x [1]", "See (link removed) [1]"),
        ("See htt\u00adps:/\u2060/evil.example [1]", "See (link removed) [1]"),
        ("See \x1b]8;;https://evil.example\x1b\\here\x1b]8;;\x1b\\ [1]", "See here [1]"),
        ("\x1b[31mRooms\x1b[0m cost \u202e081 [1]", "Rooms cost 081 [1]"),
        ("[x]\u200b(/pixel) [1]", "x (/pixel) [1]"),
        ("<\u200bimg src=x onerror=alert(1)> [1]", "[1]"),
        ("Rooms\U000e0041 cost\ufe0f 180 [\u200b1]", "Rooms cost 180 [1]"),
        ("One\r\nTwo\x85Three\u2028Four [1]", "One\nTwo\nThree\nFour [1]"),
    ],
    ids=ascii,
)
def test_what_the_model_hides_is_gone_before_it_is_judged(words: str, left: str) -> None:
    assert answered(words).cited.text == left


def test_what_is_removed_is_counted() -> None:
    assert answered("See ev\u200bil.com and \u200bwww.evil.example [1]").links_removed == 2


def test_a_marker_next_to_a_passage_s_address_stays_a_marker() -> None:
    bound = answered("See https://corp.example/rooms?q=[1] and so on [1].")
    assert bound.cited.text == "See https://corp.example/rooms?q= [1] and so on [1]."
    assert [citation.n for citation in bound.cited.citations] == [1]


PIECES = """
    https://corp.example/rooms?q= corp.example https:// SECRET SECRET.evil.com /SECRET evil.com @ . / [ ] ( ) ! < > "
    { } |    [1] [2] ]( ]: <b> &amp; &#58; \u200b \u202e \ufe0f \x1b[31m \x1b]8;; \x07 \u3002 \uff0e \uff0f ? x - ` *
"""


@given(st.lists(st.sampled_from([*PIECES.split(" "), "\n", "\u00a0", " "]), max_size=12).map("".join))
@settings(max_examples=400)
def test_whatever_the_model_writes_only_the_passage_s_links_are_left(words: str) -> None:
    text = answered(f"{words} [1]").cited.text
    assert {address.lower() for address in followed(text)} <= {"https://corp.example/rooms?q=", "corp.example"} | {
        "https://corp.example/rooms?q", "https://corp.example/rooms"
    }  # fmt: skip
    assert not elements(text)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\ufe0f]", text)
