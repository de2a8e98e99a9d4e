"""Java's side of a mapping template: the methods that its strings, lists and maps have, and how it writes values."""

import math
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

_REPLACEMENT = re.compile(r"\\(.)|\$(\d)", re.DOTALL)


def rendered(value: Any) -> str:
    """Return what a reference to a value writes.

    Raises:
        TypeError: a list or a map, which Java writes in no form of use; `$input.json` writes JSON.
    """
    match value:
        case str():
            return value
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float():
            return _double(value)
    raise TypeError(f"writes a {type(value).__name__}")


def _double(value: float) -> str:
    """Write a double as Java does: in plain digits from 0.001 up to 10,000,000, else as 1.7E9."""
    if not math.isfinite(value):
        raise TypeError("writes an infinite number")
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = format(Decimal(repr(value)), "f")
        return text if "." in text else f"{text}.0"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    fraction = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{fraction}E{int(exponent) + len(digits) - 1}"


def _replace_all(text: str, pattern: str, replacement: str) -> str:
    def expanded(match: re.Match[str]) -> str:
        return _REPLACEMENT.sub(lambda part: part[1] or match[int(part[2])] or "", replacement)

    return re.sub(pattern, expanded, text)


def _split(text: str, pattern: str) -> list[str]:
    """Split by a pattern, without the empty strings at the end, which Java drops."""
    parts = re.split(pattern, text)
    while len(parts) > 1 and not parts[-1]:
        parts.pop()
    return parts


def _put(mapping: dict[str, Any], key: str, value: Any) -> Any:
    before = mapping.get(key)
    mapping[key] = value
    return before


_STRING: Mapping[str, Callable[..., Any]] = {
    "length": len,
    "isEmpty": lambda text: not text,
    "toString": str,
    "equals": lambda text, other: isinstance(other, str) and text == other,
    "equalsIgnoreCase": lambda text, other: isinstance(other, str) and text.lower() == other.lower(),
    "contains": lambda text, part: part in text,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "indexOf": str.find,
    "lastIndexOf": str.rfind,
    "substring": lambda text, start, end=None: text[start:end],
    "replace": str.replace,
    "replaceAll": _replace_all,
    "matches": lambda text, pattern: bool(re.fullmatch(pattern, text)),
    "split": _split,
    "trim": lambda text: text.strip("".join(map(chr, range(33)))),
    "concat": lambda text, other: text + other,
    "toLowerCase": str.lower,
    "toUpperCase": str.upper,
}
_LIST: Mapping[str, Callable[..., Any]] = {
    "size": len,
    "isEmpty": lambda entries: not entries,
    "get": lambda entries, index: entries[index],
    "contains": lambda entries, entry: entry in entries,
    "add": lambda entries, entry: entries.append(entry) or True,
}
_MAP: Mapping[str, Callable[..., Any]] = {
    "size": len,
    "isEmpty": lambda mapping: not mapping,
    "get": lambda mapping, key: mapping.get(key),
    "containsKey": lambda mapping, key: key in mapping,
    "keySet": list,
    "put": _put,
}

METHODS: Mapping[type, Mapping[str, Callable[..., Any]]] = {
    str: _STRING,
    list: _LIST,
    dict: _MAP,
    bool: {"toString": rendered, "equals": lambda value, other: value is other},
    int: {"toString": rendered, "equals": lambda value, other: value == other},
    float: {"toString": rendered},
}
