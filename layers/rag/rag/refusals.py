"""Whether a model declined to answer: by the words that the system message asks for, or in prose of its own."""

import re
from typing import Final

from rag.citations import markers
from rag.sentences import sentences

_MAX_CHARACTERS: Final = 400

_ASKED_FOR: Final = re.compile(r"\W*i (?:don['’]t|do not) know\b", re.IGNORECASE)
_SUBJECT: Final = r"(?:passages?|documents?|sources?|context|excerpts?|text|information|materials?)"
_GIVEN: Final = rf"(?:provided|given|retrieved|supplied) {_SUBJECT}|(?:the|these|those) (?:passages?|context|excerpts?)"
_META: Final = rf"(?:{_GIVEN})\b(?! of\b)"  # what the model was given: "the context", not "the context of marketing"
_NEGATION: Final = (
    r"(?:do(?:es)?n['’]t|do(?:es)? not|did not|didn['’]t|cannot|can['’]t|is not|isn['’]t|are not|aren['’]t|no)"
)
_HOLD: Final = (
    r"(?:contain|mention|say|state|include|provide|provided|specify|answer|hold|cover|address|list|give|describe"
    r"|available)"
)
_UNABLE: Final = (
    r"\b(?:I|we)(?:['’]m| am| are|['’]re)? (?:cannot|can['’]t|could not|couldn['’]t|unable to|not able to) "
    r"(?:\w+ ){0,2}"
)
_ABSENT: Final = r"\b(?:not|never) (?:\w+ )?(?:mentioned|stated|specified|provided|covered|found|given|available)\b"
_NOT_FOUND: Final = r"^\W*not found\W*$"

_UNCITED: Final = re.compile(
    rf"\b{_SUBJECT}\b[^.]{{0,60}}\b{_NEGATION}\b[^.]{{0,40}}\b{_HOLD}\b"
    rf"|\b(?:no|not enough|insufficient) (?:\w+ ){{0,2}}{_SUBJECT}\b"
    rf"|{_UNABLE}(?:answer|find|determine|locate|tell|provide|give|help)\b"
    rf"|{_ABSENT} in the\b|\bnothing\b[^.]{{0,60}}\b{_SUBJECT}\b|\b{_SUBJECT}\b[^.]{{0,60}}\bnothing\b|{_NOT_FOUND}",
    re.IGNORECASE,
)
_CITED: Final = re.compile(
    rf"\b{_META}[^.]{{0,60}}\b(?:{_NEGATION}\b[^.]{{0,40}}\b{_HOLD}|(?:say|contain|hold|mention)s? nothing)\b"
    rf"|(?:\bno (?:\w+ ){{0,2}}(?:information|mention|answer|details)\b|\bnothing\b|{_ABSENT}"
    rf"|{_UNABLE}(?:answer|find|determine|locate|tell)\b)[^.]{{0,60}}\b(?:in|from|by|on|with|using) (?:the )?{_META}"
    rf"|{_UNABLE}answer (?:this|that|the|your) question\b"
    rf"|{_NOT_FOUND}",
    re.IGNORECASE,
)
_YET: Final = re.compile(r"[,;:] ?(?:but|however|though|although|yet)\b", re.IGNORECASE)


def declines(answer: str) -> bool:
    """Return whether the answer is a refusal: it opens with one, and says no more than a sentence beside it.

    "We cannot provide refunds [1]." is an answer. So, beside a citation, only what speaks of the passages themselves
    declines, and not if it goes on to answer: "The passages do not mention breakfast, but hotels cost 180 euros [1]."
    """
    if _ASKED_FOR.match(answer):
        return True
    found = markers(answer)
    said = sentences(_without(found, answer))
    if not 0 < len(said) <= 2:
        return False
    opening = said[0].text[:_MAX_CHARACTERS]
    refusal = (_CITED if found else _UNCITED).search(opening)
    return refusal is not None and not (found and _YET.search(opening, refusal.end()))


def _without(found: list[re.Match[str]], answer: str) -> str:
    ends = [0, *(marker.end() for marker in found)]
    starts = [*(marker.start() for marker in found), len(answer)]
    return "".join(answer[start:end] for start, end in zip(ends, starts, strict=True))
