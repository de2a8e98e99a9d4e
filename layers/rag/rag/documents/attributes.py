"""What documents can be filtered by: metadata as it can be stored."""

import json
import math
from collections.abc import Mapping
from typing import Final

from rag.errors import InvalidRequest
from rag.filters import FIELD_PATTERN, MAX_INTEGER
from rag.models import Metadata, MetadataValue

MAX_METADATA_BYTES: Final = 8_192  # every chunk carries it, and Pinecone holds 40 KB a chunk with its text
RESERVED: Final = frozenset({"groups"})  # it grants access, so it is never taken from where metadata is written


def parse_metadata(raw: object) -> Metadata:
    """Return metadata as it can be stored and filtered by; a field without a value is left out.

    Raises:
        InvalidRequest: a name or a value does not fit. The message names the field where its name is sound.
    """
    if raw is None:
        return {}
    if not isinstance(raw, Mapping):
        raise InvalidRequest("Metadata must be an object of fields and values.")
    parsed = {_name(name): _value(name, value) for name, value in raw.items() if value is not None}
    if len(json.dumps(parsed, ensure_ascii=False).encode()) > MAX_METADATA_BYTES:
        raise InvalidRequest(f"Metadata takes more than {MAX_METADATA_BYTES} bytes.")
    return parsed


def _name(name: object) -> str:
    if not isinstance(name, str) or not FIELD_PATTERN.fullmatch(name):
        raise InvalidRequest(
            "A metadata field's name is a letter followed by at most 62 letters, digits, hyphens and underscores."
        )
    if name in RESERVED:
        raise InvalidRequest(
            f"{name} is no metadata: it says who may read a document. Put it into the sidecar of the file"
            " (FILE.metadata.json), or use --group."
        )
    return name


def _value(name: object, value: object) -> MetadataValue:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if not value.isprintable():
            raise InvalidRequest(f"Metadata: {name} holds control characters or line ends.")
        return value
    if isinstance(value, int) and abs(value) <= MAX_INTEGER:
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    raise InvalidRequest(f"Metadata: {name} must be a string, a finite number (integers within 2^53), true or false.")
