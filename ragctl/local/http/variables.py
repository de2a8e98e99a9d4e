"""What a mapping template can ask: $input and $util."""

import base64
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from ragctl.local.http.strict_json import MalformedJsonError, parse
from ragctl.local.http.velocity import NotInApiGatewayError

_STEP = re.compile(r"\.([A-Za-z_][\w-]*)|\['([^']*)'\]|\[(\d+)\]")
_ABSENT = object()
_NAMED = {"\b": "\\b", "\t": "\\t", "\n": "\\n", "\f": "\\f", "\r": "\\r"}
_QUOTED = {character: f"\\{character}" for character in "\\\"'/"}
_ESCAPED = re.compile(r"[\\\"'/\x00-\x1f]|[^\x00-\x7f]")


class BodyNotJsonError(Exception):
    """A template reads fields of a body that is not JSON."""


class Input:
    """`$input`: a body, and the parameters of the request."""

    def __init__(self, body: bytes, parameters: Mapping[str, Mapping[str, str]]) -> None:
        self.body = body.decode("utf-8", "replace")
        self._bytes = body
        self._parameters = parameters

    def params(self, name: str | None = None) -> Any:
        """Return a parameter, looked for in path, query and headers; "" for none; or all, by where they are."""
        if name is None:
            return {place: dict(values) for place, values in self._parameters.items()}
        for place, values in self._parameters.items():
            for key, value in values.items():
                if key == name or (place == "header" and key.lower() == name.lower()):
                    return value
        return ""

    def path(self, path: str) -> Any:
        """Return what is at a JSONPath, None where there is nothing."""
        value = self._at(path)
        return None if value is _ABSENT else value

    def json(self, path: str) -> str:
        """Return what is at a JSONPath as JSON."""
        value = self._at(path)
        if value is _ABSENT:
            raise NotInApiGatewayError(f"$input.json of {path}, which is not there: what AWS writes is not documented")
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def _at(self, path: str) -> Any:
        try:
            value = parse(self._bytes) if self._bytes.strip() else {}
        except MalformedJsonError:
            raise BodyNotJsonError from None
        for step in _steps(path):
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step, _ABSENT)
            elif isinstance(value, list) and isinstance(step, int):
                value = value[step] if step < len(value) else _ABSENT
            else:
                return _ABSENT
        return value


class Util:
    """`$util`: the functions that API Gateway documents."""

    def escapeJavaScript(self, text: Any) -> str:  # noqa: N802 - API Gateway's name
        """Escape as Java's commons-lang does: quotes of both kinds, slashes, and all that is not ASCII."""
        return _ESCAPED.sub(_escape, _text(text))

    def parseJson(self, text: str) -> Any:  # noqa: N802
        """Return what JSON stands for."""
        try:
            return parse(_text(text).encode("utf-8", "surrogatepass"))
        except MalformedJsonError:
            raise NotInApiGatewayError("$util.parseJson of what is not JSON") from None

    def urlEncode(self, text: str) -> str:  # noqa: N802
        """Encode for a query."""
        return quote_plus(_text(text))

    def urlDecode(self, text: str) -> str:  # noqa: N802
        """Decode a part of a query."""
        return unquote_plus(_text(text))

    def base64Encode(self, text: str) -> str:  # noqa: N802
        """Encode the text's UTF-8."""
        return base64.b64encode(_text(text).encode("utf-8", "replace")).decode()

    def base64Decode(self, text: str) -> str:  # noqa: N802
        """Decode into text."""
        try:
            return base64.b64decode(_text(text), validate=True).decode("utf-8", "replace")
        except ValueError:
            raise NotInApiGatewayError("$util.base64Decode of what is not base64") from None


def _steps(path: str) -> Iterator[str | int]:
    """Yield the steps of a JSONPath without wildcards, filters or searches."""
    position = 1
    if not path.startswith("$"):
        raise NotInApiGatewayError(f"the JSONPath {path}")
    while position < len(path):
        step = _STEP.match(path, position)
        if step is None:
            raise NotInApiGatewayError(f"the JSONPath {path}")
        name, quoted, index = step.groups()
        yield int(index) if index is not None else name if name is not None else quoted
        position = step.end()


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise NotInApiGatewayError(f"a function of $util gets {'nothing' if value is None else type(value).__name__}")
    return value


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if known := _NAMED.get(character) or _QUOTED.get(character):
        return known
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at]:02X}{units[at + 1]:02X}" for at in range(0, len(units), 2))
