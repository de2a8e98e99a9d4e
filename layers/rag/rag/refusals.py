"""Whether a model declined to answer: by the words that the system message asks for, or in prose of its own."""

import re
from typing import Final

from rag.sentences import sentences

_ASKED_FOR: Final = re.compile(r"\W*i (?:don['’]t|do not) know\b", re.IGNORECASE)
_SUBJECT: Final = r"(?:passages?|documents?|sources?|context|excerpts?|text|information|materials?)"
_NEGATION: Final = (
    r"(?:do(?:es)?n['’]t|do(?:es)? not|did not|didn['’]t|cannot|can['’]t|is not|isn['’]t|are not|aren['’]t|no)"
)
_PROSE: Final = re.compile(
    rf"\b{_SUBJECT}\b[^.]{{0,60}}\b{_NEGATION}\b[^.]{{0,40}}"
    r"\b(?:contain|mention|say|state|include|provide|provided|specify|answer|hold|cover|address|list|give|describe|available)\b"
    rf"|\b(?:no|not enough|insufficient) (?:\w+ ){{0,2}}{_SUBJECT}\b"
    r"|\b(?:I|we)(?:['’]m| am| are|['’]re)? (?:cannot|can['’]t|could not|couldn['’]t|unable to|not able to) "
    r"(?:\w+ ){0,2}"
    r"(?:answer|find|determine|locate|tell|provide|help)\b"
    r"|\b(?:not|never) (?:\w+ )?(?:mentioned|stated|specified|provided|covered|found|given) in the\b",
    re.IGNORECASE,
)


def declines(answer: str) -> bool:
    """Return whether the answer is a refusal: it opens with one, and says no more than a sentence beside it."""
    if _ASKED_FOR.match(answer):
        return True
    said = sentences(answer)
    return 0 < len(said) <= 2 and bool(_PROSE.search(said[0].text))
