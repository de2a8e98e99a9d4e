"""What kind of thing a question asks for, and whether a sentence holds one."""

import re
from dataclasses import dataclass

_FIGURE = (
    r"(?<!\d)(?<!\d[.,])\d++(?:[.,]\d++)*+[½¼]*+"  # read once: from within, "1.1.1…" would be read again and again
)
_NUMERAL = (
    rf"(?:{_FIGURE}|half|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty"
    r"|sixty|seventy|eighty|ninety|dozens?|hundreds?|thousands?|millions?|billions?|several|few|many)"
)
_NUMBER = rf"\d|\b{_NUMERAL}\b|\b(?:twice|double|both|single|couple|pair|none|no|zero|unlimited)\b"
_AMOUNT = (
    rf"{_NUMBER}|\b(?:once|third|quarter|first|second|fourth|fifth|free|every|daily|weekly|monthly|yearly|annually"
    r"|immediately|at once)\b"
)
_CLOCK = r"\b\d{1,2}:\d{2}\b|\b\d{1,2}(?:\.\d{2})?\s?(?:[ap]\.?m\b|o'clock|h\b)|\b(?:midnight|noon)\b"
_MONTH = (  # with a capital letter: "may" and "march" are verbs
    r"(?-i:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec)"
)
_DATE = (
    rf"{_CLOCK}|\b{_MONTH}\b|\d(?:st|nd|rd|th)\b|(?<![\w-])[12]\d{{3}}\b|\b\d{{1,2}}[/.]\d{{1,2}}[/.]\d{{2,4}}\b"
    r"|\b\d+(?:s|\s?BC|\s?AD)\b|centur(?:y|ies)|\b(?:mon|tues|wednes|thurs|fri|satur|sun)days?\b"
    r"|\b(?:first|second|third|fourth|fifth|last)\s+(?:\w+\s+)?(?:day|week|month)\b"
)
_TIME_UNIT = r"(?:(?:second|minute|hour|day|night|week|fortnight|month|year|decade)s?|century|centuries)"
_LENGTH_UNIT = (
    r"(?:(?:kilo|centi|milli)?met(?:re|er)s?|miles?|feet|foot|inch(?:es)?|yards?"
    r"|(?:character|letter|digit|word|page|line)s?)"
)
_TIME = (
    rf"(?<!times )\b(?:an?|{_NUMERAL})[\s-]+(?:[\w.]+[\s-]+)?{_TIME_UNIT}\b|\d\s?(?:s|h|min)\b"
    r"|\b(?:immediate(?:ly)?|instantly|at once|until|till|indefinitely|forever|permanent(?:ly)?|always|unlimited"
    r"|lifetime|overnight)\b"
)
_EXTENT = rf"{_TIME}|\b{_NUMERAL}[\s-]+(?:[\w.]+[\s-]+)?{_LENGTH_UNIT}\b|\d\s?(?:[mck]?m|ft)\b|[12]\d{{3}}\b|centur"
_PACE = (
    rf"{_TIME}|\d\s?(?:%|per\s?cent|[km]\w*/h|mph|knots)"
    r"|\b(?:hourly|daily|weekly|soon|sooner|fast|faster|slow|slower|slowly|quick|quicker|quickly)\b"
)
_FREQUENCY = rf"{_AMOUNT}|\b(?:hourly|always|never|often|rarely|usually|each)\b"
_MOMENT = (
    rf"{_DATE}|\b(?:second|minute|hour|day|week|month|year|decade)s?\b|\b(?:before|after|during|until|when|while|once"
    r"|later|spring|summer|autumn|winter|immediately|at once)\b"
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


def _in_turn(first: str, last: str) -> str:
    """Return the pattern for a text that holds both, in this order; a text is read once, however often it holds one."""
    return rf"\A(?>(?s:.*?){first})(?s:.*){last}"


_EXPECTATIONS = (
    _expectation(r"\b(?:phone|telephone|mobile|fax) number\b", _PHONE),
    _expectation(r"\b(?:what|which) (?:percentage|per\s?cent|discount)\b|\bhow full\b", _PERCENTAGE),
    _expectation(r"\bhow many\b", _NUMBER),
    _expectation(r"\bhow much\b|" + _in_turn(r"\b(?:what|which)\b", r"\b(?:price|fee|costs?)\b"), _AMOUNT),
    _expectation(
        r"\bhow much (?:\w+ )?money\b|\bwhat (?:is|are|was|were) the (?:\w+ )?(?:price|fee|cost)s?\b"
        "|" + _in_turn(r"\bhow much\b", r"\bcosts?\b") + "|" + _in_turn(r"\bwhat do(?:es)?\b", r"\bcost\W*$"),
        _MONEY,
    ),
    _expectation(r"\bhow (?:far|old|large|big|high|tall|deep|wide|heavy)\b", _AMOUNT),
    _expectation(r"\bhow often\b", _FREQUENCY),
    _expectation(r"\bhow long\b", _EXTENT),
    _expectation(r"\bhow (?:fast|soon|quickly)\b", _PACE),
    _expectation(r"\b(?:at|during|between) (?:what|which) (?:hours|times?)\b", _CLOCK),
    _expectation(r"\b(?:what|which) (?:\w+ )?(?:year|date|day|month|hours?|time|century|decade)\b", _DATE),
    _expectation(r"\bwhen (?:is|are|was|were|do|does|did|will|can|must|should)\b", _MOMENT),
    _expectation(r"\bwho(?:m|se)?\b", _PERSON, re.NOFLAG),
)


def expectations(question: str) -> list[Expectation]:
    """Return the kinds of answer that a question asks for; most ask for none in particular."""
    return [expectation for expectation in _EXPECTATIONS if expectation.asked_by.search(question)]
