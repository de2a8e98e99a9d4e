"""What every contract has in common: strict parsing, and complaints that name fields and quote nothing."""

import re
from typing import Annotated, Any, ClassVar, Final, Literal, Self, cast

import msgspec
from msgspec import Meta

from rag.errors import InvalidRequest

MAX_QUERY_CHARACTERS: Final = 8_000
MAX_TURNS: Final = 20

_NAME_PATTERN: Final = "^[a-z0-9][a-z0-9-]{0,62}\\Z"
_NAME_RULE: Final = "1 to 63 lower-case letters, digits and hyphens, the first of them no hyphen"

# The description is what a caller is told; msgspec's own messages quote what they refuse.
Query = Annotated[
    str, Meta(min_length=1, max_length=MAX_QUERY_CHARACTERS, description="must be a string of 1 to 8,000 characters")
]
TopK = Annotated[int, Meta(ge=1, le=100, description="must be an integer from 1 to 100")]
Tenant = Annotated[str, Meta(pattern=_NAME_PATTERN, description=f"must be {_NAME_RULE}")]
Groups = Annotated[
    list[Annotated[str, Meta(pattern=_NAME_PATTERN)]],
    Meta(max_length=64, description=f"must be a list of at most 64 names, each {_NAME_RULE}"),
]
RawFilter = Annotated[dict[str, Any], Meta(description="must be an object of conditions on metadata")]
ModeName = Literal["hybrid", "dense", "lexical", "pruned"]
Mode = Annotated[ModeName, Meta(description='must be "hybrid", "dense", "lexical" or "pruned"')]
Phrasings = Annotated[int, Meta(ge=1, le=4, description="must be an integer from 1 to 4")]
TraceId = Annotated[str, Meta(min_length=1, max_length=80, description="must be the name of the execution")]


class Turn(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One turn of the conversation before the question."""

    role: Literal["user", "assistant"]
    content: Annotated[str, Meta(min_length=1, max_length=MAX_QUERY_CHARACTERS)]


History = Annotated[
    list[Turn],
    Meta(
        max_length=MAX_TURNS,
        description='must be a list of at most 20 turns, each {"role": "user" or "assistant", "content": a string of 1 '
        "to 8,000 characters}",
    ),
]


class Contract(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what states exchange."""

    MALFORMED: ClassVar[str] = "The state's input is malformed."

    @classmethod
    def parse(cls, event: object) -> Self:
        """Return the event as this type.

        Raises:
            InvalidRequest: it does not fit. The message names a known field and no value.
        """
        try:
            return msgspec.convert(event, cls)
        except msgspec.ValidationError as error:
            raise InvalidRequest(_complaint(cls, str(error))) from None


def to_state(response: Contract) -> dict[str, Any]:
    """Return the response as the plain objects that a handler gives back."""
    return cast("dict[str, Any]", msgspec.to_builtins(response))


_FIELD: Final = re.compile(r"`(\$[^`]*)`\Z")
_MISSING: Final = re.compile(r"Object missing required field `([a-z_]+)`")
_RULES: Final = {
    "query": Query,
    "top_k": TopK,
    "tenant": Tenant,
    "groups": Groups,
    "filter": RawFilter,
    "mode": Mode,
    "phrasings": Phrasings,
    "history": History,
    "trace_id": TraceId,
}


def _complaint(contract: type[Contract], message: str) -> str:
    """Say what msgspec found, without the values and unknown names that its message quotes."""
    if message.startswith("Object contains unknown field"):
        return "An unknown field was given."
    path = _FIELD.search(message)
    names = re.findall(r"\.([a-z_]+)", path[1]) if path else []
    known = [name for name in names if name in _RULES]
    if known:
        return _sentence(known[0])
    if missing := _MISSING.match(message):
        return _sentence(missing[1])
    return contract.MALFORMED


def _sentence(field: str) -> str:
    rule = _RULES.get(field)
    description = next(iter(getattr(rule, "__metadata__", ())), None)
    return f"{field} {description.description}." if isinstance(description, Meta) else f"{field} is missing."
