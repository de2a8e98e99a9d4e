"""Coverage: how much of a question passages hold, by words that mean something."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.coverage import coverage, weighed_coverage
from rag.models import Chunk
from rag.words import held_words, searched_words

QUESTION = "Which night train goes to Vienna?"  # night, train, goe, vienna


def chunks(*texts: str, title: str = "") -> list[Chunk]:
    return [Chunk(text, "d", "v", 0, title, "s", text, 1, 0, len(text)) for text in texts]


def test_coverage_is_the_part_that_one_passage_holds() -> None:
    assert coverage(QUESTION, chunks("a night in Vienna", "trains", "which, to")) == 0.5
    assert coverage(QUESTION, chunks("Night trains are going to Vienna. It goes daily.")) == 1.0


def test_the_title_counts_too() -> None:
    assert coverage(QUESTION, chunks("by night", title="Vienna")) == 0.5


@pytest.mark.parametrize("question", ["", "?!", "the of"])
def test_a_question_without_words_is_not_covered(question: str) -> None:
    assert coverage(question, chunks("the of")) == 0.0
    assert weighed_coverage(question, chunks("the of")) == 0.0


def test_without_passages_nothing_is_covered() -> None:
    assert coverage(QUESTION, []) == weighed_coverage(QUESTION, []) == 0.0


def test_the_weighed_one_is_about_the_first_passage_and_rare_words_weigh_more() -> None:
    common = [f"night train {number}" for number in range(8)]
    rare = weighed_coverage("night Vienna", chunks("Vienna", *common))
    frequent = weighed_coverage("night Vienna", chunks("night", "Vienna", *common))
    assert rare > 0.9
    assert frequent < 0.2


def test_a_first_passage_with_all_the_words_covers_all() -> None:
    assert weighed_coverage(QUESTION, chunks("The night train goes to Vienna", "a train")) == pytest.approx(1.0)


WORDS = st.text("abdeginstyZÜßﬁé-' 0½\u0301出", max_size=20) | st.sampled_from(
    ["dying", "skies", "only", "Running", "ties", "being", "be", "IT", "it", "WHO"]
)


@given(st.lists(WORDS, max_size=5).map(" ".join), st.lists(st.lists(WORDS, max_size=8).map(" ".join), max_size=4))
def test_what_a_text_holds_is_found_without_stemming_all_of_it(question: str, texts: list[str]) -> None:
    asked = set(searched_words(question))
    assert held_words(asked, texts) == [asked & set(searched_words(text)) for text in texts]
