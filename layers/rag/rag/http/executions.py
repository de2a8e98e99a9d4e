"""Executions that an API caller starts: named so that one request, however often it is sent, is one execution."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol
from uuid import uuid4

import msgspec

from rag.contracts import AskedBy
from rag.errors import Conflict, InvalidRequest
from rag.http.allowance import Allowance
from rag.http.callers import Caller
from rag.http.exchange import HttpRequest, HttpResponse

KEY_HEADER: Final = "idempotency-key"

_KEY: Final = re.compile(r"[!-~]{1,128}\Z")
_NO_KEY: Final = "The header Idempotency-Key must be 1 to 128 visible ASCII characters."
_USED: Final = "The idempotency key was used for another request."


class Executions(Protocol):
    """Executions of one state machine."""

    def start(self, name: str, given: Mapping[str, Any]) -> bool:
        """Start one; return whether it runs now. It does not where one of this name had another input, or has ended.

        Raises:
            TransientError: worth another attempt.
            PermanentError: not.
        """
        ...

    def given(self, name: str) -> Mapping[str, Any] | None:
        """Return the input of the execution of this name, or None where there is none.

        Raises:
            TransientError: worth another attempt.
            PermanentError: not.
        """
        ...


@dataclass(frozen=True, slots=True)
class Standing:
    """How an execution stands: its input, its status in Step Functions' words, and the output of one that succeeded."""

    given: Mapping[str, Any]
    status: str
    output: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What an execution is to be started with: its input, the request in it, and how many questions that asks."""

    given: Mapping[str, Any]
    body: Mapping[str, Any]
    questions: int = 1


def caller_field(caller: Caller) -> dict[str, Any]:
    """Return what an execution's input holds of its caller: by this its owner is known when it is looked at."""
    principal = {"tenant": caller.principal.tenant, "groups": sorted(caller.principal.groups)}
    return {"id": caller.id, "principal": principal}


class Owner(msgspec.Struct, frozen=True):
    """The caller that an execution's input names."""

    id: str
    principal: AskedBy


def owner_of(given: Mapping[str, Any]) -> Owner | None:
    """Return whose an execution is by its input, or None where no caller over HTTP started it."""
    try:
        return msgspec.convert(given.get("caller"), Owner)
    except msgspec.ValidationError:
        return None


def owns(caller: Caller, owner: Owner) -> bool:
    """Tell whether an execution is a caller's own, as the mapping template of GET /v1/executions/{id} does.

    An issuer may give one subject tokens of several tenants; the table of principals has one for each caller.
    """
    return caller.id == owner.id and (not caller.brings_claims or caller.principal.tenant == owner.principal.tenant)


def execution_id(caller: Caller, key: str | None, prefix: str = "") -> str:
    """Return the name of the execution: random, or told by the caller's own key for the request.

    The tenant and the caller are part of it, so that nobody meets another one's key.
    """
    if key is None:
        return f"{prefix}{uuid4().hex}"
    parts = (caller.principal.tenant, caller.id, key)
    joined = "".join(f"{len(part)}:{part}" for part in parts)  # lengths keep ("a", "bc") apart from ("ab", "c")
    return f"{prefix}{hashlib.sha256(joined.encode()).hexdigest()[:32]}"


@dataclass(frozen=True, slots=True)
class StartOnce:
    """Starts executions of one state machine, and counts their questions.

    They are counted before they are asked. What Step Functions says was started already is taken back; what fails
    otherwise stays counted, since it may have started all the same. So do the questions of a request that comes again
    with its key before the first has been answered: to both Step Functions says that it runs.

    `body_of` returns, of an execution's input, the request that was made: who asks may have other groups by now.
    """

    executions: Executions
    allowance: Allowance
    body_of: Callable[[Mapping[str, Any]], Mapping[str, Any]]
    prefix: str = ""

    def __call__(self, caller: Caller, request: HttpRequest, asked: Asked) -> HttpResponse:
        """Return that it was started, and where it can be looked at. What is sent again is not started again.

        Raises:
            InvalidRequest: the idempotency key is malformed.
            Conflict: the key was used for another request.
            AllowanceSpent: the caller has asked enough today.
            TransientError, PermanentError: as the state machine's service does.
        """
        key = request.headers.get(KEY_HEADER)
        if key is not None and not _KEY.match(key):
            raise InvalidRequest(_NO_KEY)
        name = execution_id(caller, key, self.prefix)
        before = self.executions.given(name) if key is not None else None
        if before is None:
            counted = self.allowance.spend(caller.id, asked.questions)
            if not self.executions.start(name, asked.given):
                self.allowance.give_back(counted, asked.questions)
                before = self.executions.given(name)  # the key came twice at once
        if before is not None and _canonical(self.body_of(before)) != _canonical(asked.body):
            raise Conflict(_USED)
        return HttpResponse(202, {"id": name, "status_url": f"/v1/executions/{name}"})


def _canonical(body: Mapping[str, Any]) -> str:
    """Return one text for all ways to write an object; unlike Python, JSON tells true from 1."""
    return json.dumps(body, sort_keys=True)
