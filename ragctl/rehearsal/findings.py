"""What linters find, and which of it is accepted: each with its reason, in one committed file."""

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Finding:
    """What a linter says of a resource, on one side: the template, its translation, or a stack with all values in."""

    linter: str
    side: str
    rule: str
    resource: str
    message: str

    def __str__(self) -> str:
        return f"{self.linter} {self.rule}, {self.side}, {self.resource or 'as a whole'}: {self.message}"


@dataclass(frozen=True)
class Suppression:
    """A rule that may be broken by these resources (patterns of logical ids) on these sides, and why."""

    rule: str
    reason: str
    resources: tuple[str, ...] = ("*",)
    sides: tuple[str, ...] = ("*",)

    def covers(self, finding: Finding, resource: str = "*") -> bool:
        """Return whether it is about this finding; with a pattern, through that pattern."""
        return (
            finding.rule == self.rule
            and fnmatchcase(finding.resource, resource)
            and any(fnmatchcase(finding.side, side) for side in self.sides)
        )


def read_suppressions(path: Path) -> list[Suppression]:
    """Return the suppressions of a file.

    Raises:
        ValueError: one has no reason, no rule, or a field that means nothing.
    """
    return [_suppression(entry, path) for entry in tomllib.loads(path.read_text("utf-8")).get("suppression", [])]


def unsuppressed(findings: Iterable[Finding], suppressions: Iterable[Suppression]) -> Iterator[str]:
    """Yield what nobody accepts, and each suppression, or pattern of one, that suppresses nothing any more."""
    suppressions = list(suppressions)
    used: set[tuple[Suppression, str]] = set()
    for finding in findings:
        covering = {(one, pattern) for one in suppressions for pattern in one.resources if one.covers(finding, pattern)}
        used |= covering
        if not covering:
            yield str(finding)
    for suppression in suppressions:
        for pattern in suppression.resources:
            if (suppression, pattern) not in used:
                yield f"the suppression of {suppression.rule} for {pattern} is stale: nothing breaks the rule there"


def _suppression(entry: Mapping[str, Any], path: Path) -> Suppression:
    if unknown := set(entry) - {"rule", "reason", "resources", "sides"}:
        raise ValueError(f"{path}: a suppression has the unknown field {min(unknown)}")
    if not entry.get("rule") or not str(entry.get("reason", "")).strip():
        raise ValueError(f"{path}: a suppression needs a rule and a reason: {dict(entry)}")
    return Suppression(
        entry["rule"], entry["reason"], tuple(entry.get("resources", ["*"])), tuple(entry.get("sides", ["*"]))
    )
