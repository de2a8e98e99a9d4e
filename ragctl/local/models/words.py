"""What a text is about: its words by stem, without those that only hold sentences together.

Apart from `rag.words`, since those are an index's and stay as they are; these keep signs within words, know numerals.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

import Stemmer

_WORD = re.compile(r"[^\W_]+(?:[.,'][^\W_]+)*")

_FUNCTION_WORDS = frozenset(
    """
    a an the of in on at to for from by with without about into onto over under after before between during through
    within until per and or but if than then as so because while is are was were be been being am do does did done doing
    have has had having will would shall should can could may might must ought i me my mine myself you your yours
    yourself he him his she her hers it its itself we us our ours they them their theirs this that these those there
    here what which who whom whose when where why how much many long often far soon no nor not only own same too very
    just also ever still any some all each every both either neither other another such more most less least like please
    one's i'm i've it's don't doesn't can't
    get gets got getting need needs needed want wants know tell put take takes give gives make makes go goes come comes
    let see say said
    """.split()  # noqa: SIM905  # a list of words reads as words
)


_NUMERALS = {
    "two": "2",
    "twice": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
}


@lru_cache(maxsize=4096)  # one heading stands above many sentences
def words_by_stem(text: str) -> Mapping[str, str]:
    """Return the text's words in lower case and in their order, each once, under their stems."""
    found: dict[str, str] = {}
    for word in _WORD.findall(text.lower().replace("’", "'")):
        found.setdefault(stem(word), word)
    return found


def content_words(question: str) -> Mapping[str, str]:
    """Return the question's words under their stems, without function words and light verbs unless it has no others."""
    words = words_by_stem(question)
    return {stem: word for stem, word in words.items() if word not in _FUNCTION_WORDS} or words


@lru_cache(maxsize=32_768)
def stem(word: str) -> str:
    """Return the stem of a lower-case word, by Snowball's English stemmer; a number's is its digits."""
    stemmer = Stemmer.Stemmer("english")  # one of its own: they are not thread-safe
    return _NUMERALS.get(word) or str(stemmer.stemWord(word))
