"""Who calls over HTTP: the caller's id, its principal and its right to write, from what API Gateway has verified.

Nothing that the request itself says counts: not its body, its query string or its headers.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import msgspec

from rag.contract import Groups, Tenant
from rag.errors import NotAllowed
from rag.models import Principal

Authorization = Literal["IAM", "COGNITO", "JWT", "API_KEY"]

NOBODY: Final = "Nobody has said whose tenant this caller is."
NO_WRITER: Final = "This caller may read, and not write."

_ARN: Final = re.compile(r"arn:aws[a-z-]*:(iam|sts)::(\d{12}):(.+)\Z", re.ASCII)
_NAME: Final = r"[\w+=,.@-]+"  # of roles and users, as IAM has it
_USER: Final = re.compile(rf"user/((?:[!-.0-~]+/)*{_NAME})\Z", re.ASCII)
_ROLE: Final = re.compile(rf"assumed-role/({_NAME})/{_NAME}\Z", re.ASCII)
_KEY: Final = re.compile(r"[A-Za-z0-9]+\Z")
_SUBJECTS: Final = "token/"  # what the ids of tokens' subjects begin with
_SUBJECT: Final = re.compile(r"[!#-\[\]-~]{1,256}\Z")  # visible ASCII without quotes and backslashes


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `writer` is a right of its own: who may read may not thereby write."""

    id: str
    principal: Principal
    writer: bool = False

    @property
    def brings_claims(self) -> bool:
        """Whether a token says whose tenant this is, and not the table of principals."""
        return self.id.startswith(_SUBJECTS)

    def check_writer(self) -> None:
        """Refuse one who may not write.

        Raises:
            NotAllowed: it may not.
        """
        if not self.writer:
            raise NotAllowed(NO_WRITER)


class Principals(Protocol):
    """Knows the callers that bring no claims: IAM identities and API keys."""

    def find(self, caller_id: str) -> Caller | None:
        """Return the caller, or None where nobody has said who that is.

        Raises:
            TransientError: worth another attempt.
            InternalError: what is stored of it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class IdentifyCaller:
    """Tells who calls, by the one way of authorisation that the API has."""

    authorization: Authorization
    principals: Principals

    def __call__(self, context: Mapping[str, Any]) -> Caller:
        """Return the caller of a request with this `requestContext`.

        Raises:
            NotAllowed: nobody has said who that is.
            TransientError: the principals could not be read.
        """
        if self.authorization in ("COGNITO", "JWT"):
            return _claimed(context.get("authorizer"))
        identity = context.get("identity")
        caller_id = caller_id_of(self.authorization, identity if isinstance(identity, Mapping) else {})
        caller = self.principals.find(caller_id) if caller_id else None
        if caller is None:
            raise NotAllowed(NOBODY)
        return caller


def caller_id_of(authorization: Authorization, identity: Mapping[str, Any]) -> str | None:
    """Return the id of an API key or an IAM identity, or None for whatever is neither.

    An assumed role is one caller whatever its session is called, since whoever assumes it chooses that name.
    """
    if authorization == "API_KEY":
        key = identity.get("apiKeyId")
        return f"key/{key}" if isinstance(key, str) and _KEY.match(key) else None
    arn = identity.get("userArn")
    parts = _ARN.match(arn) if isinstance(arn, str) else None
    if parts is None:
        return None
    service, account, resource = parts.groups()
    if service == "sts":
        return f"role/{account}/{role[1]}" if (role := _ROLE.match(resource)) else None
    if resource == "root":
        return f"root/{account}"
    return f"user/{account}/{user[1]}" if (user := _USER.match(resource)) else None


def token_caller_id(subject: object) -> str | None:
    """Return the id of a token's subject, or None where it cannot be one."""
    return f"{_SUBJECTS}{subject}" if isinstance(subject, str) and _SUBJECT.match(subject) else None


def stored_groups(value: str) -> tuple[str, ...]:
    """Return groups that were written as a JSON array, sorted.

    Raises:
        ValueError: they are none.
    """
    return tuple(sorted(set(msgspec.json.decode(value, type=Groups))))


def _listed_groups(value: object) -> tuple[str, ...]:
    """Return groups that the authorizer wrote with commas between them, sorted.

    Raises:
        ValueError: they are none.
    """
    if not isinstance(value, str):
        raise ValueError  # noqa: TRY004 - as of every other value that is none
    return tuple(sorted(set(msgspec.convert(value.split(",") if value else [], Groups))))


def _claimed(context: object) -> Caller:
    """Return the caller that the authorizer made out of a token."""
    if not isinstance(context, Mapping):
        raise NotAllowed(NOBODY)
    caller_id = token_caller_id(context.get("principalId"))
    try:
        tenant = msgspec.convert(context.get("tenant"), Tenant)
        groups = _listed_groups(context.get("groups", ""))
    except ValueError:
        raise NotAllowed(NOBODY) from None
    if caller_id is None:
        raise NotAllowed(NOBODY)
    return Caller(caller_id, Principal(tenant, groups), context.get("writer") == "true")
