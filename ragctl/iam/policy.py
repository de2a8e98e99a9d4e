"""What the policies of a role say, and whether they allow a call."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ragctl.iam import conditions
from ragctl.iam.conditions import Context


class UnreadablePolicyError(ValueError):
    """A policy says what is not evaluated here: told in one line."""


@dataclass(frozen=True)
class Call:
    """One action on one resource, as IAM names both; a request may be several."""

    action: str
    resource: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Grant:
    """One action on one resource of one statement; `statement` and `position` count from 0."""

    policy: str
    statement: int
    action: str
    position: int
    resource: str
    conditions: Mapping[str, Any] = field(default_factory=dict)
    denies: bool = False

    def covers(self, call: Call) -> bool:
        """Return whether this speaks of a call."""
        return (
            conditions.like(call.action.lower(), self.action.lower())
            and conditions.like(call.resource, self.resource)
            and conditions.hold(self.conditions, call.context)
        )


class Rights:
    """What the policies of one role allow."""

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._named: dict[str, list[Grant]] = defaultdict(list)
        self._broad: list[Grant] = []  # with a wildcard in the action, and what denies
        for grant in grants:
            broad = grant.denies or "*" in grant.action or "?" in grant.action
            (self._broad if broad else self._named[grant.action.lower()]).append(grant)

    def allowing(self, call: Call) -> list[Grant]:
        """Return the grants that allow a call: none if nothing does, or something denies it."""
        candidates = [*self._named.get(call.action.lower(), ()), *self._broad]
        covering = [grant for grant in candidates if grant.covers(call)]
        return [] if any(grant.denies for grant in covering) else covering


def grants_of(policy: str, document: Mapping[str, Any]) -> list[Grant]:
    """Return what a policy document says, resolved of all intrinsic functions.

    Raises:
        UnreadablePolicyError: it uses NotAction, NotResource, a policy variable or an unknown operator.
    """
    grants = []
    for number, statement in enumerate(listed(document["Statement"])):
        unread = set(statement) - {"Sid", "Effect", "Action", "Resource", "Condition"}
        if unread:
            raise UnreadablePolicyError(f"The policy {policy} uses {min(unread)}, which is not evaluated here.")
        told = statement.get("Condition", {})
        try:
            conditions.check(told)
        except conditions.UnknownOperatorError as error:
            raise UnreadablePolicyError(f"In the policy {policy} {error}.") from None
        denies = statement["Effect"] == "Deny"
        for action in listed(statement["Action"]):
            for position, resource in enumerate(listed(statement["Resource"])):
                if "${" in resource:
                    raise UnreadablePolicyError(f"The policy {policy} uses a variable, which is not evaluated here.")
                grants.append(Grant(policy, number, action, position, resource, told, denies))
    return grants


def listed(value: Any) -> Sequence[Any]:
    """Return a list as it is, and anything else as a list of it."""
    return value if isinstance(value, list) else [value]
