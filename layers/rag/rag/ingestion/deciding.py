"""Changes entries of the registry as every writer must: decide, store, and decide again where somebody was faster."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from rag.errors import UpstreamUnavailable
from rag.ports import Registry
from rag.registration import Registration

Decision = Callable[[Registration], Registration | None]

_ROUNDS: Final = 20  # each loses only to somebody who got on


def store_decided(registry: Registry, entries: Iterable[Registration], decide: Decision) -> dict[str, Registration]:
    """Store what is decided on each entry, and return that by document id, as it is stored then.

    An entry on which the decision is None is left out; one that the decision leaves as it is needs no storing.

    Raises:
        UpstreamUnavailable: others kept changing the same entries.
        TransientError: as the registry does; some entries may be stored.
    """
    outcome: dict[str, Registration] = {}
    undecided = list(entries)
    for _ in range(_ROUNDS):
        decided = [(entry, decision) for entry in undecided if (decision := decide(entry)) is not None]
        changed = [decision for entry, decision in decided if decision != entry]
        conflicts = registry.store(changed) if changed else {}
        for entry, decision in decided:
            if entry.document_id not in conflicts:  # a stored one can be decided on again without loading it
                raised = entry.revision if decision == entry else entry.revision + 1
                outcome[entry.document_id] = replace(decision, revision=raised)
        if not conflicts:
            return outcome
        undecided = list(conflicts.values())
    raise UpstreamUnavailable("The registry's entries kept changing meanwhile.")
