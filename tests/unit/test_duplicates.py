"""Copies of a better passage are left out, whatever says anything else stays, and diversity is weighed if wanted."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.duplicates import distinct, diverse, similarity
from rag.models import Candidate, Chunk

LONG = " ".join(f"word{letter}" for letter in "abcdefghijklmnopqrstuvwxyz") + " and so on until the very end of it all"


def candidate(text: str, score: float = 0.5, document_id: str = "d", start: int = 0, **fields: Any) -> Candidate:
    chunk = Chunk(text[:40], document_id, "v", 0, "T", "s", text, 1, start, start + len(text))
    return Candidate(replace(chunk, **fields), score)


def kept(*texts: str) -> list[str]:
    candidates = [candidate(text, document_id=str(number)) for number, text in enumerate(texts)]
    return [one.chunk.text for one in distinct(candidates)]


@pytest.mark.parametrize(
    "copy",
    [
        "It’s – for “all” – 27 days\u00a0off,\n\tat the co\u00adoperative cafe\u0301.",
        '  It\'s - for "all" - 27 days off, at\u200b the cooperative café.\n',
        '\ufeffIt\'s \u2010 for "all" \u2011 27  days off, at the cooperative café.',
    ],
)
def test_what_a_file_format_makes_of_a_text_is_the_same_text(copy: str) -> None:
    text = 'It\'s - for "all" - 27 days off, at the cooperative café.'
    assert kept(text, copy, "Else.") == [text, "Else."]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Basic 10, Pro 20", "Basic 20, Pro 10"),
        ("10/20/20", "10/10/20"),
        ("1.5 percent", "5.1 percent"),
        ("1.5 percent", "15 percent"),
        ("-5 degrees", "5 degrees"),
        ("5 €", "5 $"),
        ("5 %", "5"),
        ("twenty days", "thirty days"),
        ("三 天", "五 天"),
        ("are allowed", "are not allowed"),
        ("contact Anna Berg", "contact Paul Weiss"),
        ("10 Mb/s", "10 MB/s"),
        ("10³ units", "103 units"),
        ("No refunds are given.", "No, refunds are given."),
        ("10 20", "1020"),
        ("…", "!!!"),
    ],
)
def test_whatever_says_something_else_stays_however_long_the_rest_is(one: str, other: str) -> None:
    texts = [f"{LONG} {one} {LONG}", f"{LONG} {other} {LONG}"]
    assert kept(*texts) == texts


def test_the_title_or_the_heading_may_carry_what_differs() -> None:
    titled = [candidate(LONG, document_id=plan, title=plan) for plan in ("Basic", "Pro")]
    headed = [candidate(LONG, heading=f"Prices {year}") for year in (2024, 2026)]
    assert list(distinct([*titled, *headed])) == [*titled, *headed]


def test_copies_of_a_document_under_another_name_and_repeated_lines_are_left_out() -> None:
    first, copy, again = candidate(LONG), candidate(LONG, document_id="copy"), candidate(LONG, start=5_000, page=2)
    assert list(distinct([first, copy, again])) == [first]


@given(st.lists(st.text("ab-5%. \n", max_size=6), max_size=12))
def test_what_is_left_is_the_first_of_each_kind_in_its_order(texts: list[str]) -> None:
    first = {" ".join(text.split()): text for text in reversed(texts)}
    assert kept(*texts) == sorted(first.values(), key=texts.index)


def test_without_diversity_the_order_stays() -> None:
    candidates = [candidate(text, score) for text, score in (("a", 0.9), ("a b", 0.8), ("c", 0.7))]
    assert diverse(candidates, 0.0, 2) == candidates[:2]


def chosen(diversity: float, *scored: tuple[str, float]) -> list[str]:
    candidates = [candidate(text, score, title="") for text, score in scored]
    return [one.chunk.text for one in diverse(candidates, diversity, len(scored))]


def test_diversity_takes_what_is_new_before_what_is_known() -> None:
    texts = ("red green blue", "red green blue grey", "up", "down")
    assert chosen(0.5, *zip(texts, (0.9, 0.89, 0.8, 0.1), strict=True)) == [texts[0], texts[2], texts[1], texts[3]]


def test_what_was_chosen_long_before_is_still_known() -> None:
    texts = ("red green blue", "up", "red green blue grey", "down")
    assert chosen(0.5, *zip(texts, (1.0, 0.9, 0.8, 0.3), strict=True)) == [texts[0], texts[1], texts[3], texts[2]]


@pytest.mark.parametrize("lowest", [-3.0, 0.0, 100.0])
@pytest.mark.parametrize("width", [0.01, 1.0, 50.0])
def test_scores_weigh_by_the_range_that_they_have_wherever_it_lies(lowest: float, width: float) -> None:
    texts = ("red green blue", "red green blue grey", "up", "down")
    for third, expected in ((0.0, texts), (0.5, (texts[0], texts[2], texts[1], texts[3]))):
        scores = (lowest + part * width for part in (1.0, 0.9, third, 0.0))
        assert chosen(0.5, *zip(texts, scores, strict=True)) == list(expected)


@pytest.mark.parametrize("diversity", [0.0, 0.3, 1.0])
def test_the_best_one_stays_the_first(diversity: float) -> None:
    candidates = [candidate(text, score) for text, score in (("a", 0.9), ("b", 0.2))]
    assert diverse(candidates, diversity, 5)[0] == candidates[0]


def test_similarity_is_the_part_that_two_share() -> None:
    assert similarity(frozenset("abc"), frozenset("bcd")) == 0.5
    assert similarity(frozenset(), frozenset()) == 0.0
