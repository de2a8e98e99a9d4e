"""Words as lexical search compares them: in lower case, by stem, without those that hold sentences together.

Both sides are made here, what is indexed and what is asked: not every engine stems, and two that do need not agree.
The stems are Snowball's for English. Words of other languages are cut by the same rules on both sides, so they still
meet, if a little too freely.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import Stemmer

VERSION: Final = 1  # of what `searched_words` returns: an index made of other words has to be made again

_SIGNS: Final = "\u3040-\u30ff\u3400-\u9fff"  # Chinese and Japanese put no spaces: each sign is a word
_WORD: Final = re.compile(f"[^\\W_{_SIGNS}]+|(?=[^\\W_])[{_SIGNS}]")
_ASCII_BETWEEN: Final = {number: " " for number in range(128) if not chr(number).isalnum()}
# Fractions, and raised, lowered and circled figures, that follow a figure: they would become one number with it.
_SMALL_FIGURE: Final = re.compile(r"[²³¹¼-¾\u2070-\u2089\u2150-\u215f\u2189\u2460-\u249b](?<=\d.)")
_NAMES: Final = re.compile(r"(?:IT(?<!\w..)|US(?<!\w..)|WHO(?<!\w...))\b")  # which in lower case are stop words
_STOP_WORDS: Final = frozenset(
    """
    a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to
    was will with
    """.split()  # noqa: SIM905  # a list of words reads as words
)
_QUESTION_WORDS: Final = frozenset(
    """
    what which who whom when where how why did does do has have had were from its his her he she than can could would
    should may might must been being we our you your i my me us them
    """.split()  # noqa: SIM905
)


def searched_words(text: str) -> list[str]:
    """Return the words of a text that is indexed, in their order, repeated as they are; none if all are stop words."""
    return _stems(_words(text, _STOP_WORDS))


def asked_words(question: str) -> list[str]:
    """Return the words that a question looks for: those that only make it a question are none, if it has others."""
    return _stems(_words(question, _STOP_WORDS | _QUESTION_WORDS) or _words(question, _STOP_WORDS))


def held_words(asked: Collection[str], texts: Sequence[str]) -> list[set[str]]:
    """Return which of the words asked for each text has among its `searched_words`.

    Stemming is what takes time: of all the texts' words, each distinct one that begins as one asked is stemmed, once.
    """
    initials = {stem[0] for stem in asked}  # which a stem shares with its word
    read = [
        {word for word in words if word[0] in initials} - (_STOP_WORDS - names) for words, names in map(_split, texts)
    ]
    distinct = list(set[str]().union(*read))
    wanted = {word: stem for word, stem in zip(distinct, _stems(distinct), strict=True) if stem in asked}
    return [{wanted[word] for word in words & wanted.keys()} for words in read]


def _words(text: str, ignored: AbstractSet[str]) -> list[str]:
    words, names = _split(text)
    ignored = ignored - names
    return [word for word in words if word not in ignored]


def _split(text: str) -> tuple[list[str], set[str]]:
    """Return all of a text's words, and which are names there: IT, US and WHO, unless the whole text is in capitals."""
    if text.isascii():
        words = text.lower().translate(_ASCII_BETWEEN).split()
    else:
        text = unicodedata.normalize("NFKC", _SMALL_FIGURE.sub(r" \g<0>", text))
        words = _WORD.findall(_without_marks(text.lower()))
    names = _NAMES.findall(text)
    return words, {name.lower() for name in names} if names and not _NAMES.sub("", text).isupper() else set()


def _without_marks(text: str) -> str:
    """Return the text without vowel signs and accents that are characters of their own, at which a word would break."""
    for sign in set(text):
        if unicodedata.category(sign).startswith("M"):
            text = text.replace(sign, "")
    return text


def _stems(words: list[str]) -> list[str]:
    stemmer = Stemmer.Stemmer("english")  # one of its own for each call: they are not thread-safe
    return [str(stem) for stem in stemmer.stemWords(words)]
