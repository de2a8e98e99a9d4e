"""Where a citation quotes its passage, and what holds for every answer, however it is written."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.citations import MAX_QUOTE_CHARACTERS, resolve
from tests.unit.test_composing import compose, passage

LEAVE = "Notice is given in May. Yesterday counts. Refunds are paid within 30 days. Nobody waits longer."
TRAVEL = "Trains are second class.\n\nFirst class needs approval by Dr. Weber. Book early."

MARKERS = re.compile(r"(?<![\w\]])(?:\[\d+\])+")  # items[0][1] holds none
FRAGMENTS = (
    "Refunds are paid", "Trains", "30", " ", "\n", ". ", ", but ", "[", "]", "(", ")", "【", "】", "1", "2", "9", "-",
    "[1]", "[2]", "[9]", "[1-3]", "[1 and 2]", "[^1]", "[passage 2]", "[1†source]", "\uff3b2\uff3d", "items[0]", "| ",
)  # fmt: skip
ANSWERS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5), max_size=30).map("".join)
PASSAGES = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=20), min_size=1, max_size=20).map("".join)


def quotes(answer: str) -> dict[int, str]:
    prompt = compose([passage(LEAVE), passage(TRAVEL)])
    return {citation.n: citation.quote for citation in resolve(answer, prompt).citations}


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        ("30 [1].", "Refunds are paid within 30 days."),
        ("Within 30 days [1].", "Refunds are paid within 30 days."),
        ("Nobody [1].", "Nobody waits longer."),
        ("Refunds are paid within\n30 days [1].", "Refunds are paid within 30 days."),
        ("[1] Refunds take 30 days.", "Refunds are paid within 30 days."),
        ("- [1] Refunds take 30 days. Anything else?", "Refunds are paid within 30 days."),
        ("Trains are second class [2].\n[1] Refunds take 30 days.", "Refunds are paid within 30 days."),
        ("Refunds take 30 days [2] and [1].", "Refunds are paid within 30 days."),
    ],
)
def test_a_quote_is_the_sentence_that_is_meant(answer: str, quote: str) -> None:
    assert quotes(answer)[1] == quote


@pytest.mark.parametrize("answer", ["No [1].", "Yes [1]."])
def test_a_quote_is_no_piece_of_a_word(answer: str) -> None:
    assert quotes(answer)[1] == "Notice is given in May."


def test_markers_in_front_open_their_sentences() -> None:
    assert quotes("[1] Refunds take 30 days. [2] Weber approves.") == {
        1: "Refunds are paid within 30 days.",
        2: "First class needs approval by Dr. Weber.",
    }


def test_a_short_hit_late_in_a_long_sentence_is_inside_its_quote() -> None:
    prompt = compose([passage("and so on " * 100 + "until the gong sounds.")])
    (citation,) = resolve("the gong [1].", prompt).citations
    assert citation.quote == "the gong sounds."


@given(answer=ANSWERS, texts=st.lists(PASSAGES, min_size=1, max_size=3), start=st.integers(0, 1000))
def test_every_quote_is_verbatim_and_every_marker_has_its_citation(answer: str, texts: list[str], start: int) -> None:
    prompt = compose([passage(text, start=start) for text in texts])
    cited = resolve(answer, prompt)
    for citation in cited.citations:
        source = next(source for source in prompt.sources if source.n == citation.n)
        text = prompt.user[source.text_start : source.text_end]
        assert citation.start is not None
        assert citation.end is not None
        assert citation.quote == text[citation.start - source.start : citation.end - source.start]
        assert len(citation.quote) <= MAX_QUOTE_CHARACTERS
    if cited.citations:
        left = re.findall(r"\d+", " ".join(MARKERS.findall(cited.text)))
        assert set(map(int, left)) == {citation.n for citation in cited.citations}


@pytest.mark.parametrize(
    "answer",
    [
        " " * 200_000 + "x [1]",
        "x" + " " * 200_000 + ". [1]",
        "x" + " \n" * 100_000 + "[1]",
        "word " * 40_000 + "[1]",
        "word [1] " * 20_000,
        "[" * 200_000 + "1]",
        "[" + "1" * 200_000 + "] [1]",
        "[" + "1," * 100_000 + "1]",
        "[1 " * 60_000 + "[1]",
        "[1†" * 60_000 + "[1]",
    ],
    ids=lambda answer: f"{answer[:4]!r}...",
)
def test_no_answer_takes_more_than_linear_time(answer: str) -> None:
    prompt = compose([passage("word " * 2000)])
    assert [citation.n for citation in resolve(answer, prompt).citations] == [1]
