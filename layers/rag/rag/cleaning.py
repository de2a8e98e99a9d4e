"""Characters that a reader cannot see and a model can: they carry hidden instructions, or turn the order of a line.

All are taken out but joiners where they shape what is seen: between letters of scripts that join (Persian writes
"می‌روم" with one, Indic scripts choose half forms by them) and between emoji (a family is several people, joined).
Variation selectors go as well: they only choose among looks of a character, and 256 of them can spell any message.
"""

import re
import unicodedata
from typing import Final, NamedTuple

_JOINING: Final = "\u0600-\u08ff\u0900-\u0dff\u0f00-\u109f\u1780-\u18aa\ua840-\ua877\ua8e0-\ua8ff\uaa00-\uaadf"
_EMOJI: Final = "\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_JOINERS: Final = (
    f"(?<![{_JOINING}{_EMOJI}])(?<![{_EMOJI}]\ufe0f)[\u200c\u200d]"  # after what is never joined
    f"|(?<=[{_EMOJI}])[\u200c\u200d](?![{_EMOJI}])|(?<=[{_EMOJI}]\ufe0f)[\u200c\u200d](?![{_EMOJI}])"
    f"|(?<=[{_JOINING}])[\u200c\u200d](?![{_JOINING}])"
)
_ALWAYS: Final = "".join(
    (
        "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff",  # controls, and halves that no encoding could carry
        "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f",
        "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff",
        "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff",
    )
)
_INVISIBLE: Final = re.compile(f"[{_ALWAYS}]|{_JOINERS}")
_LINE_ENDS: Final = re.compile(r"\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_TERMINAL: Final = re.compile(  # ECMA-48: what colours a terminal, moves its cursor or links its text
    r"(?:\x1b\[|\x9b)[0-?]*+[ -/]*+[@-~]|(?:\x1b[\]P^_X]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n]*+(?:\x07|\x1b\\|\x9c)"
)


class Cleaned(NamedTuple):
    """A text as it can be stored, and how many invisible characters were taken out of it."""

    text: str
    stripped: int


def cleaned(text: str) -> Cleaned:
    """Return the text in Unicode's composed form, as queries are, with only newlines as line ends.

    Characters that cannot be seen go, control characters and lone surrogates among them.
    """
    if text.isascii() and "\r" not in text and text.isprintable():
        return Cleaned(text, 0)
    visible, stripped = without_invisible(_LINE_ENDS.sub("\n", text))
    return Cleaned(unicodedata.normalize("NFC", visible), stripped)


def without_invisible(text: str) -> tuple[str, int]:
    """Return the text without the characters that cannot be seen, and how many they were.

    A sequence that steers a terminal counts as one, and goes with its letters and figures.
    """
    steering = 0
    if "\x1b" in text or "\x9b" in text or "\x9d" in text:
        text, steering = _TERMINAL.subn("", text)
    visible, count = (_CONTROLS if text.isascii() else _INVISIBLE).subn("", text)
    return visible, count + steering


def with_invisible_shown(text: str) -> str:
    """Return the text with a replacement character for each that cannot be seen, so that places in it stay true."""
    return (_CONTROLS if text.isascii() else _INVISIBLE).sub("\ufffd", text)
