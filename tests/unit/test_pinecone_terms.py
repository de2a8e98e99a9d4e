"""Texts as the sparse vectors of a Pinecone vector index."""

import string
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.adapters.pinecone_terms import MAX_TERMS, SparseValues, chunk_terms, question_terms
from rag.models import Chunk
from scripts import common_words


def chunk(text: str, title: str = "", heading: str = "") -> Chunk:
    return Chunk(
        chunk_id="c",
        document_id="d",
        version="v",
        ordinal=0,
        title=title,
        source="",
        text=text,
        tokens=0,
        start=0,
        end=0,
        heading=heading,
    )


def score(text: str, question: str, **place: str) -> float:
    """Return what the store makes of both: the dot product."""
    stored, asked = weights(chunk_terms(chunk(text, **place))), weights(question_terms(question))
    return sum(weight * stored.get(index, 0.0) for index, weight in asked.items())


def weights(terms: SparseValues | None) -> dict[int, float]:
    return {} if terms is None else {int(i): v for i, v in zip(terms["indices"], terms["values"], strict=True)}


def test_a_shared_word_scores_and_no_shared_word_does_not() -> None:
    assert score("The zeppelin waits.", "zeppelin") > 0
    assert score("The zeppelin waits.", "submarine") == 0


@pytest.mark.parametrize("question", ["Zeppelins", "ZEPPELIN?", "the zeppelin’s"])
def test_case_plurals_and_punctuation_make_no_difference(question: str) -> None:
    assert score("zeppelin", question) > 0


@pytest.mark.parametrize("question", ["of the and to", "", "?!", "\x00 👩‍🚀"])
def test_a_question_without_words_has_no_vector(question: str) -> None:
    assert question_terms(question) is None


def test_a_rarer_word_counts_more() -> None:
    assert score("zeppelin", "zeppelin") > score("engine", "engine") > score("people", "people") > 0


def test_a_word_counts_more_when_repeated_and_less_in_a_long_text() -> None:
    assert score("zeppelin zeppelin", "zeppelin") > score("zeppelin", "zeppelin")
    assert score("zeppelin " + "engine " * 300, "zeppelin") < score("zeppelin", "zeppelin")


def test_titles_and_headings_are_searched_the_title_twice() -> None:
    filler = "engine " * 50
    headed, titled = score(filler, "zeppelin", heading="Zeppelin"), score(filler, "zeppelin", title="Zeppelin")

    assert 0 < headed < titled


def test_a_weight_is_that_of_bm25() -> None:
    # tf 1, 3 words of 120: 1 * 2.2 / (1 + 1.2 * (0.25 + 0.75 * 3 / 120)); a word not common: log(1 + 30_000 / 10)
    assert score("zeppelin above water", "zeppelin") == pytest.approx(2.2 / 1.3225 * 8.0067, rel=1e-3)


def test_the_common_words_are_those_that_their_script_makes() -> None:
    assert common_words.TABLE.read_text(encoding="utf-8") == common_words.table()


def test_texts_without_spaces_are_searched_sign_by_sign() -> None:
    assert score("日本語の文章", "日本") > 0


@given(st.text(alphabet=string.ascii_letters + " .,日é", max_size=300))
def test_every_vector_is_one_that_pinecone_takes(text: str) -> None:
    for terms in (chunk_terms(chunk(text)), question_terms(text)):
        if terms is not None:
            assert 1 <= len(terms["indices"]) == len(terms["values"]) <= MAX_TERMS
            assert len(set(terms["indices"])) == len(terms["indices"])
            assert all(0 <= index < 2**32 for index in terms["indices"])
            assert all(value > 0 for value in terms["values"])


@given(st.lists(st.sampled_from(["zeppelin", "engine", "many", "water"]), min_size=1), st.randoms())
def test_the_order_of_words_makes_no_difference(sentence: list[str], random: Random) -> None:
    shuffled = random.sample(sentence, len(sentence))

    assert score(" ".join(sentence), "zeppelin water") == pytest.approx(score(" ".join(shuffled), "zeppelin water"))


def test_of_more_words_than_pinecone_takes_the_heaviest_are_kept() -> None:
    many = " ".join(f"word{number}" for number in range(3_000))

    terms = chunk_terms(chunk(f"{many} zeppelin zeppelin"))

    assert terms is not None
    assert len(terms["indices"]) == MAX_TERMS
    assert score(f"{many} zeppelin zeppelin", "zeppelin") > 0
