"""What lexical search compares: the words of what is indexed, and those of what is asked."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.words import asked_words, searched_words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Reimbursed expenses, REIMBURSING an Expense", ["reimburs", "expens", "reimburs", "expens"]),
        ("Form T-4711/b (rev. 2)", ["form", "t", "4711", "b", "rev", "2"]),
        ("snake_case_name", ["snake", "case", "name"]),
        ("the oﬃce", ["offic"]),
        ("Zu\u0308rich Zürich", ["zürich", "zürich"]),
        ("出張 費", ["出", "張", "費"]),
        ("छुट्टी कितने दिन", ["छटट", "कतन", "दन"]),
        ("น้ำตาล", ["นาตาล"]),
        ("שָׁלוֹם", ["שלום"]),
        ("مُدَرِّس", ["مدرس"]),
        ("İstanbul ISTANBUL", ["istanbul", "istanbul"]),
        ("x\u0304 5\ufe0f\u20e3", ["x", "5"]),
        ("5½ days, 12¾, 3⅓, 5 1\u20442", ["5", "1", "2", "day", "12", "3", "4", "3", "1", "3", "5", "1", "2"]),
        ("27¹ 10³ 4①", ["27", "1", "10", "3", "4", "1"]),
        ("m² CO₂ ½", ["m2", "co2", "1", "2"]),
        ("of the and to", []),
        ("", []),
        ("?!… \x00 👩‍🚀", []),
    ],
)
def test_words_are_found_by_their_stems_without_stop_words(text: str, expected: list[str]) -> None:
    assert searched_words(text) == expected


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How do I claim my expenses?", ["claim", "expens"]),
        ("Who was it?", ["who"]),
        ("Is it the?", []),
        ("Who has the IT policy?", ["it", "polici"]),
        ("What do the WHO and the US say to us?", ["who", "us", "say", "us"]),
        ("WHO IS IT?", ["who"]),
        ("Does it, a VISIT, help?", ["visit", "help"]),
        ("Is the BUS for us?", ["bus"]),
        ("Who says WHOM?", ["say"]),
        ("Who reads aWHO?", ["read", "awho"]),
    ],
)
def test_what_makes_it_a_question_is_not_looked_for_unless_it_is_all_there_is(
    question: str, expected: list[str]
) -> None:
    assert asked_words(question) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The IT desk: ask it", ["it", "desk", "ask", "it"]),
        ("IT", ["it"]),
        ("IT 部門", ["it", "部", "門"]),
        ("TERMS OF IT", ["term"]),
        ("\uff29\uff34 desk", ["it", "desk"]),
        ("the visit of it", ["visit"]),
    ],
)
def test_what_is_written_as_a_name_is_none_of_the_stop_words(text: str, expected: list[str]) -> None:
    assert searched_words(text) == expected


@given(text=st.text(max_size=200))
def test_words_hold_letters_and_digits_alone(text: str) -> None:
    assert all(word.isalnum() for word in searched_words(text))


@given(text=st.text(max_size=200) | st.lists(st.sampled_from(["IT", "us", "WHO", "it", "is", "A b"])).map(" ".join))
def test_what_is_asked_in_a_texts_own_words_is_in_it(text: str) -> None:
    assert set(asked_words(text)) <= set(searched_words(text))


def test_threads_do_not_disturb_each_other() -> None:
    texts = [f"policies {number} generations of running zeppelins" for number in range(200)]

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(searched_words, texts)) == [searched_words(text) for text in texts]
