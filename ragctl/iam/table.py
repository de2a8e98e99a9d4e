"""The table of all grants, for people who review them: docs/iam.md."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from ragctl.iam.roles import TemplateGrant
from ragctl.iam.uncalled import reason_of

_CALLED: Final = "called"
_SHARED_BY: Final = 4  # roles that have the same row: more of them get one together
_HEAD: Final = """# Who may do what

Every grant of every role in `template.yaml`, under every choice of parameters. **Made by `python -m ragctl.iam`, not by
hand**; a test holds it to the template.

*called*: the local stack has seen the role do this. `tests/integration/test_iam.py` uses the whole system and fails
where a role lacks a right (the local stack refuses what IAM would refuse) and where a right is not used. The few that
the platform uses itself, or that only another choice of parameters uses, say so; they are listed in
`ragctl/iam/uncalled.py`, and the same test fails when one of them is used after all. No action has a wildcard.

A resource is named as in the template, `DocumentsBucket/staging/*` for the objects below `staging/`. *Only with* names
conditions of the template.
"""


class Row(NamedTuple):
    """Some actions on a resource."""

    actions: str
    resource: str
    condition: str
    when: str
    why: str


def table(grants: Iterable[TemplateGrant]) -> str:
    """Return docs/iam.md."""
    rows = {role: list(_rows(list(of_role))) for role, of_role in groupby(grants, key=lambda grant: grant.role)}
    sharing: dict[Row, list[str]] = defaultdict(list)
    for role, of_role in rows.items():
        for row in of_role:
            sharing[row].append(role)
    shared = {row: roles for row, roles in sharing.items() if len(roles) >= _SHARED_BY and row.why != _CALLED}
    parts = [_HEAD, *_shared_section(shared)]
    for role, of_role in rows.items():
        parts.append(f"## {role}\n")
        own = [row for row in of_role if row not in shared]
        parts.append(_lines(own) if own else "Nothing else.\n")
    return "\n".join(parts)


def _rows(grants: Sequence[TemplateGrant]) -> Iterator[Row]:
    """Put the actions in one row that a role may do to the same resource for the same reason."""
    together: dict[Row, list[str]] = defaultdict(list)
    for grant in grants:
        own = grant.role.removesuffix("Role") + "LogGroup"
        resource = "its log group" if grant.resource == own else grant.resource
        why = reason_of(grant) or _CALLED
        row = Row("", resource, grant.condition, ", ".join(dict.fromkeys(grant.when)), why)
        if grant.action not in together[row]:
            together[row].append(grant.action)
    for row, actions in together.items():
        yield row._replace(actions=", ".join(actions))


def _shared_section(shared: dict[Row, list[str]]) -> Iterator[str]:
    yield "## What the platform does in the name of many roles\n"
    for row, roles in shared.items():
        yield _lines([row])
        yield f"{len(roles)} roles: {', '.join(roles)}.\n"


def _lines(rows: Iterable[Row]) -> str:
    head = ["| actions | resource | IAM's condition | only with | why |", "|---|---|---|---|---|"]
    lines = ["| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows]
    return "\n".join([*head, *lines, ""])


def _escaped(cell: str) -> str:
    return cell.replace("*", r"\*").replace("_", r"\_").replace("|", r"\|")
