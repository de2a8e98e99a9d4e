"""What kind of thing a question asks for, and whether a sentence holds one."""

import re
from dataclasses import dataclass

_COUNTED = (
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|dozens?"
    r"|hundreds?|thousands?|millions?|billions?|half|twice|once|double|third|quarter|first|second|fourth|fifth|none|no|zero"
    r"|several|few|many|free|unlimited|every|daily|weekly|monthly|yearly|annually|immediately|at once)\b"
)
_DATED = (
    r"\d(?:st|nd|rd|th)\b|(?<![\w-])[12]\d{3}\b|\b\d{1,2}[/.:]\d{2}\b(?![.\d])|\b\d+(?:s|\s?[ap]m|BC|AD)\b"
    r"|centur(?:y|ies)|\b(?:midnight|noon)\b"
    r"|\b(?:january|february|march|april|may|june|july|august|september|october|november|december"
    r"|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|(?:first|second|third|fourth|fifth|last)\s+\w*\s*(?:day|week|month))\b"
)
_DURATION = (
    r"\b(?:second|minute|hour|day|week|month|year|decade)s?\b|\b(?:before|after|during|until|when|while|once|later|spring"
    r"|summer|autumn|winter|immediately|at once)\b"
)
_PERCENTAGE = r"%|\bper\s?cent\b|\bpercentage\b|\b(?:half|third|quarter|fourths?|fifths?|majority)\b"
_MONEY = r"[€$£¥]|\b(?:EUR|USD|GBP|CHF|euros?|dollars?|pounds?|cents?|francs?|free|million|billion)\b"
_PHONE = r"\+?\d[\d ()/-]{2,}\d"
_PERSON = (
    r"(?<=[\w,;:)] )[A-Z]\w+|\b\w+(?:er|or|ist|ian|man|men)s?\b|\b(?:teams?|lead|head|desk|staff|board|chief|people)\b"
)


@dataclass(frozen=True)
class Expectation:
    """A kind of answer: the questions that ask for it, and what a sentence that gives it must hold."""

    asked_by: re.Pattern[str]
    given_by: re.Pattern[str]


def _expectation(asked_by: str, given_by: str, flags: re.RegexFlag = re.IGNORECASE) -> Expectation:
    return Expectation(re.compile(asked_by, re.IGNORECASE), re.compile(given_by, flags))


_EXPECTATIONS = (
    _expectation(r"\b(?:phone|telephone|mobile|fax) number\b", _PHONE),
    _expectation(r"\b(?:what|which) (?:percentage|per\s?cent|discount)\b", _PERCENTAGE),
    _expectation(r"\bhow (?:many|much)\b|\b(?:what|which)\b.*\b(?:price|fee|costs?)\b", _COUNTED),
    _expectation(
        r"\bhow much money\b|\bhow much\b.*\bcosts?\b|\bwhat do(?:es)?\b.*\bcost\W*$"
        r"|\bwhat (?:is|are|was|were) the (?:\w+ )?(?:price|fee|cost)s?\b",
        _MONEY,
    ),
    _expectation(
        r"\bhow (?:long|often|far|old|large|big|high|tall|deep|fast|soon|quickly|full|wide|heavy)\b", _COUNTED
    ),
    _expectation(r"\b(?:what|which) (?:\w+ )?(?:year|date|day|month|hours?|time|century|decade)\b", _DATED),
    _expectation(r"\bwhen (?:is|are|was|were|do|does|did|will|can|must|should)\b", rf"{_DATED}|{_DURATION}"),
    _expectation(r"\bwho(?:m|se)?\b", _PERSON, re.NOFLAG),
)


def expectations(question: str) -> list[Expectation]:
    """Return the kinds of answer that a question asks for; most ask for none in particular."""
    return [expectation for expectation in _EXPECTATIONS if expectation.asked_by.search(question)]
