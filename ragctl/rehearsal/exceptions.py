"""Which types of resource no imitation can create: committed with its reason, and no longer than it has to be."""

import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path


def read_exceptions(path: Path) -> dict[str, str]:
    """Return the reason for each type of resource that is not created.

    Raises:
        ValueError: a type has no reason.
    """
    listed: Mapping[str, object] = tomllib.loads(path.read_text("utf-8")).get("not_created", {})
    for kind, reason in listed.items():
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"{path}: {kind} has no reason")
    return {kind: str(reason) for kind, reason in listed.items()}


def stale(listed: Collection[str], created: Collection[str], occurring: Collection[str]) -> Iterator[str]:
    """Yield which types are listed for nothing."""
    for kind in sorted(listed):
        if kind in created:
            yield f"the exception {kind} is stale: it is created after all"
        elif kind not in occurring:
            yield f"the exception {kind} is stale: no combination has a resource of this type"
