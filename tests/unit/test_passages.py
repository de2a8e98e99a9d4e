"""Candidates as passages: labels are bounded, and as many come as their bytes allow."""

import msgspec
import pytest

from rag.models import Candidate, Chunk
from rag.passages import passage_of, within_bytes


def candidate(text: str, title: str = "T", score: float = 0.5) -> Candidate:
    return Candidate(Chunk("c", "d", "v", 0, title, "s" * 600, text, 1, 0, len(text), heading="h" * 600), score)


def test_labels_are_shortened_and_the_text_is_not() -> None:
    passage = passage_of(candidate("x" * 600, "T" * 600, score=1 / 3))
    assert (len(passage.title), len(passage.source), len(passage.heading), len(passage.text)) == (500, 500, 500, 600)
    assert passage.score == 0.333333


@pytest.mark.parametrize("text", ["plain", "€" * 5, '"\\\n\x00'])
def test_a_list_of_passages_takes_as_many_bytes_as_it_may_and_no_more(text: str) -> None:
    passages = [passage_of(candidate(text))] * 5
    three = len(msgspec.json.encode(passages[:3]))
    assert len(list(within_bytes(passages, three))) == 3
    assert len(list(within_bytes(passages, three - 2))) == 2


def test_what_does_not_fit_leaves_its_place_to_what_does() -> None:
    large, small = passage_of(candidate("x" * 1_000)), passage_of(candidate("x"))
    assert list(within_bytes([large, small], len(msgspec.json.encode([small])))) == [small]
