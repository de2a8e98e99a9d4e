"""Passages that address the model: text that gives orders to whoever answers, where a document informs its readers.

This is a flag and no wall. It knows phrases, so whoever writes an injection in other words passes it, and a text about
injections trips it. What holds without it is in docs/security.md.
"""

import re
import unicodedata
from functools import cache
from typing import Final

from rag.suspicious_phrases import PHRASES

_SPACES: Final = re.compile(r"[^\S\n]+|(?<![.!?:\n])\n(?![\n#*\-\s])")  # lines of one paragraph are read as one


@cache
def _expressions() -> tuple[tuple[tuple[str, ...], "re.Pattern[str]"], ...]:
    """Compile at the first passage: functions that judge none start without."""
    return tuple((tuple(words.split("|")), re.compile(phrase, re.MULTILINE)) for words, phrase in PHRASES)


def addresses_the_model(*texts: str) -> bool:
    """Tell whether any of these texts speaks to the model that reads it rather than to a person."""
    return any(_addressing(_plainly(text)) for text in texts)


def _addressing(text: str) -> bool:
    return any(
        expression.search(text) is not None
        for words, expression in _expressions()
        if any(word in text for word in words)
    )


def _plainly(text: str) -> str:
    """Return the text in small letters of one form, with single spaces."""
    plain = text if text.isascii() else unicodedata.normalize("NFKC", text).replace("’", "'")
    return _SPACES.sub(" ", plain.lower())
