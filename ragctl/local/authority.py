"""Which role may do what on the local stack: the roles' own policies, held against each call as IAM does in AWS.

A role calls when the access key of a request is the role's name. Every other key is the operator's, who may do all.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from threading import Lock
from typing import Any

from moto.iam.models import iam_backends

from ragctl.iam.policy import Call, Grant, Rights, UnreadablePolicyError, grants_of
from ragctl.local.account import ACCOUNT_ID
from ragctl.local.translation import TemplateError


class RefusedError(Exception):
    """A role's policies do not allow what it tries: told as AWS tells it."""


class Authority:
    """Judges calls, and notes in a file of JSON lines each grant that was used once, and what was refused.

    Objects' keys are no part of a note: it names the resource as the policy does.
    """

    def __init__(self, notes: Path | None = None) -> None:
        self._notes = notes
        self._roles: dict[str, Rights] = {}
        self._noted: set[tuple[Any, ...]] = set()
        self._lock = Lock()  # guards the notes
        if notes:
            notes.parent.mkdir(parents=True, exist_ok=True)
            notes.write_bytes(b"")

    def learn(self) -> None:
        """Read the policies of all roles that exist by now.

        Raises:
            TemplateError: one says what is not evaluated here.
        """
        for role in iam_backends[ACCOUNT_ID]["aws"].roles.values():
            try:
                grants = [grant for name, document in _policies(role) for grant in grants_of(name, document)]
            except UnreadablePolicyError as error:
                raise TemplateError(f"{role.name}: {error}") from error
            self._roles[role.name] = Rights(grants)

    def knows(self, role: str) -> bool:
        """Return whether there is a role of this name."""
        return role in self._roles

    def require(self, role: str, calls: Iterable[Call]) -> None:
        """Return if the role, by its name or ARN, may do all of this. A role that the stack did not make may do all.

        Raises:
            RefusedError: it may not.
        """
        name = role_name(role)
        rights = self._roles.get(name)
        for call in calls if rights else ():
            allowing = rights.allowing(call) if rights else []
            if not allowing:
                self._note_refusal(name, call)
                raise RefusedError(
                    f"User: arn:aws:sts::{ACCOUNT_ID}:assumed-role/{name}/local is not authorized to perform: "
                    f"{call.action} on resource: {call.resource} because no identity-based policy allows the "
                    f"{call.action} action"
                )
            for grant in allowing:
                self._note(name, grant)

    def _note(self, role: str, grant: Grant) -> None:
        key = (role, grant.policy, grant.statement, grant.action, grant.position)
        if key not in self._noted:
            self._write(key, {"role": role, **asdict(grant)})

    def _note_refusal(self, role: str, call: Call) -> None:
        resource = call.resource.partition("/")[0] if call.action.startswith("s3:") else call.resource
        key = (role, call.action, resource)
        if key not in self._noted:
            self._write(key, {"role": role, "refused": call.action, "resource": resource})
            logging.getLogger(__name__).warning("%s may not %s on %s", role, call.action, resource)

    def _write(self, key: tuple[Any, ...], note: Mapping[str, Any]) -> None:
        with self._lock:
            if self._notes and key not in self._noted:
                self._noted.add(key)
                with self._notes.open("a", encoding="utf-8") as file:
                    file.write(f"{json.dumps(note)}\n")


def role_name(name_or_arn: str) -> str:
    """Return a role's name, which is its access key here."""
    return name_or_arn.rpartition("/")[2]


def _policies(role: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, document in role.policies.items():
        yield name, _parsed(document)
    for policy in role.managed_policies.values():
        [document] = [version.document for version in policy.versions if version.is_default]
        yield policy.name, _parsed(document)


def _parsed(document: Any) -> Mapping[str, Any]:
    """Return a policy as an object: moto keeps what CloudFormation made as it is, and the rest as text."""
    parsed: Mapping[str, Any] = json.loads(document) if isinstance(document, str) else document
    return parsed
