"""A sidecar: what `<file>.metadata.json` says about a document, in the form of Bedrock Knowledge Bases.

    {"metadataAttributes": {
        "year": 2026,
        "kind": {"value": {"type": "STRING", "stringValue": "policy"}, "includeForEmbedding": false},
        "groups": ["hr", "board"]}}

`groups` says who may read. Whatever is not understood is refused as a whole: a sidecar that was meant to close a
document must never leave it open because of a slip.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from rag.documents.attributes import parse_metadata
from rag.documents.decoding import decoded
from rag.errors import InvalidRequest, UnreadableDocument
from rag.models import Metadata

MAX_BYTES: Final = 65_536
MAX_GROUPS: Final = 64

_GROUP: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_ATTRIBUTES: Final = "metadataAttributes"
_VALUES: Final[dict[str, tuple[str, type | tuple[type, ...]]]] = {  # of the longer form: where each type has its value
    "STRING": ("stringValue", str),
    "NUMBER": ("numberValue", (int, float)),
    "BOOLEAN": ("booleanValue", bool),
    "STRING_LIST": ("stringListValue", list),
}


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What it says. `groups` is None where it says nothing of them, and empty where all of the tenant may read."""

    groups: tuple[str, ...] | None
    metadata: Metadata = field(default_factory=dict)


def parse_sidecar(data: bytes) -> Sidecar:
    """Return what a sidecar says.

    Raises:
        InvalidRequest: it is not of the form above. The message names a field where its name is sound, and no value.
    """
    if len(data) > MAX_BYTES:
        _refuse(f"is larger than {MAX_BYTES} bytes")
    raw = _parsed(data)
    if not isinstance(raw, dict) or set(raw) != {_ATTRIBUTES} or not isinstance(raw[_ATTRIBUTES], dict):
        _refuse(f'is no object with "{_ATTRIBUTES}", an object, as its only field')
    attributes: dict[str, object] = raw[_ATTRIBUTES]
    plain = {name: _plain(value) for name, value in attributes.items()}
    if any(name != "groups" and name.strip().lower() == "groups" for name in plain):
        _refuse('names its groups in another way than "groups"')
    groups = _groups(plain.pop("groups")) if "groups" in plain else None
    try:
        return Sidecar(groups, parse_metadata(plain))
    except InvalidRequest as error:
        _refuse(f"is malformed. {str(error).removesuffix('.')}")


def _parsed(data: bytes) -> Any:
    try:
        return json.loads(
            decoded(data).lstrip("\ufeff"), object_pairs_hook=_without_repetition, parse_constant=_refuse_constant
        )
    except (ValueError, RecursionError, UnreadableDocument):
        _refuse("is not valid JSON")


def _without_repetition(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Refuse a field that is given twice: of two lists of groups, none is surely the one that was meant."""
    fields = dict(pairs)
    if len(fields) < len(pairs):
        _refuse("gives a field twice")
    return fields


def _refuse_constant(_: str) -> NoReturn:
    raise ValueError("no JSON")


def _plain(value: object) -> object:
    """Return a value of the longer form as it would be written in the short one."""
    if not isinstance(value, Mapping):
        return value
    typed = value.get("value")
    if set(value) - {"value", "includeForEmbedding"} or not isinstance(typed, Mapping):
        _refuse("holds an object that is no value with its type")
    if not isinstance(value.get("includeForEmbedding", False), bool):
        _refuse('holds an "includeForEmbedding" that is neither true nor false')
    kind = typed.get("type")
    place, types = _VALUES.get(kind if isinstance(kind, str) else "", ("", ()))
    inner = typed.get(place)
    if set(typed) != {"type", place} or not isinstance(inner, types) or (isinstance(inner, bool) and kind != "BOOLEAN"):
        _refuse("holds a value that does not fit its type (STRING, NUMBER, BOOLEAN or STRING_LIST)")
    return inner


def _groups(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_GROUPS:
        _refuse(f"holds groups that are no list of at most {MAX_GROUPS} names")
    if not all(isinstance(name, str) and _GROUP.fullmatch(name) for name in value):
        _refuse("names a group that is not 1 to 63 lower-case letters, digits and hyphens, the first of them no hyphen")
    return tuple(dict.fromkeys(value))


def _refuse(what: str) -> NoReturn:
    raise InvalidRequest(f"Its metadata file {what}.")
