"""Characters that a reader cannot see and a model can: they carry hidden instructions, or turn the order of a line.

All are taken out but joiners where they shape what is seen: between letters of scripts that join (Persian writes
"می‌روم" with one, Indic scripts choose half forms by them) and between emoji (a family is several people, joined).
Variation selectors go as well: they only choose among looks of a character, and 256 of them can spell any message.
"""

import re
from typing import Final

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
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")


def without_invisible(text: str) -> tuple[str, int]:
    """Return the text without the characters that cannot be seen, and how many they were."""
    return (_CONTROLS if text.isascii() else _INVISIBLE).subn("", text)
