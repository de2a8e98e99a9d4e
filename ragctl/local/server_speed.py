"""What makes moto's server quicker: a batch read of 100 items takes 20 ms instead of 102, a put into S3 4 not 5."""

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from botocore.utils import parse_to_aware_datetime
from moto import backends
from moto.core import responses, serialize
from moto.core.serialize import BaseJSONSerializer
from moto.core.utils import method_names_from_class

from ragctl.local.mending import replace


def mend() -> None:
    """Put what is below into moto's server."""
    modules = tuple(backends.list_of_moto_modules())
    replace(backends, "list_of_moto_modules", lambda: modules)  # moto lists its directory at each request
    replace(responses, "method_names_from_class", cache(method_names_from_class))
    replace(serialize, "parse_to_aware_datetime", _aware)
    replace(BaseJSONSerializer, "_serialize_type_structure", _serialize_structure)


_serialize_by_moto: Callable[..., None] = BaseJSONSerializer._serialize_type_structure
_parse_by_botocore: Callable[[Any], datetime] = parse_to_aware_datetime


def _serialize_structure(serializer: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
    """Write a DynamoDB attribute as it is: moto looks for each of its ten types under several spellings."""
    if shape.name == "AttributeValue" and isinstance(value, dict):
        serialized[key] = _attribute(value)
    else:
        _serialize_by_moto(serializer, serialized, value, shape, key)


def _attribute(attribute: dict[str, Any]) -> dict[str, Any]:
    ((kind, value),) = attribute.items()
    match kind:
        case "M":
            return {kind: {name: _attribute(inner) for name, inner in value.items()}}
        case "L":
            return {kind: [_attribute(inner) for inner in value]}
        case "B":
            return {kind: _base64(value)}
        case "BS":
            return {kind: [_base64(inner) for inner in value]}
    return {kind: value}


def _base64(value: bytes | str) -> str:
    return b64encode(value).decode() if isinstance(value, bytes) else value


def _aware(value: Any) -> datetime:
    """Read a time without the parser that guesses its form, 0.15 ms for each object of a list."""
    if isinstance(value, str):
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            return _parse_by_botocore(value)
        return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    return _parse_by_botocore(value)
