"""Another embedding model without a pause: a second collection is filled beside the live one, and then takes over."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from rag.index_pointer import IndexPointer, IndexTarget
from rag.ingestion.examination import Examination
from rag.ingestion.examining import ExamineIndex
from rag.ports import Pointer
from ragctl.failure import Failure

_ROUNDS: Final = 3  # beyond the first

Fill = Callable[[IndexTarget, str | None], None]


@dataclass(frozen=True)
class Reindexing:
    """Moves a deployment to another collection. Each step can be taken again after an interruption.

    `fill` copies what is live into a collection, of one tenant or of all, and returns when that has ended.
    """

    pointer: Pointer
    examine: ExamineIndex
    fill: Fill

    def begin(self, target: IndexTarget) -> None:
        """Have every ingestion from now on write into the target as well.

        Raises:
            Failure: it is live already, or another collection is being filled.
        """
        pointer = self.pointer.read()
        if pointer.live == target:
            raise Failure(f"{told(target)} is live already.")
        if pointer.next not in (None, target):
            raise Failure(f"{told(pointer.next)} is being filled: finish that, or end it with rag reindex --abort.")
        if pointer.next is None:
            self._store(replace(pointer, next=target))

    def complete(self, target: IndexTarget) -> Examination:
        """Fill the target until it holds every live version of every document, and return the last examination.

        Raises:
            Failure: it lacks chunks all the same.
        """
        self.fill(target, None)
        found = self.examine(delete_orphans=True)
        for _ in range(_ROUNDS):
            if not found.unfilled:
                return found
            self._check_next(target)
            for tenant in dict.fromkeys(finding.tenant for finding in found.of("unfilled")):
                self.fill(target, tenant)
            earlier, found = found, self.examine(delete_orphans=True)
            if found.unfilled >= earlier.unfilled:
                break
        if not found.unfilled:
            return found
        some = ", ".join(finding.document_id for finding in found.of("unfilled")[:5])
        raise Failure(
            f"{told(target)} still lacks {found.unfilled:,} chunks, of {some}, and readers stay where they are. "
            "Mend the live collection with rag doctor --fix, then run this again; or give up with rag reindex --abort."
        )

    def switch(self, target: IndexTarget) -> IndexTarget:
        """Have readers search the target, and return the collection that they searched before.

        Raises:
            Failure: somebody has ended the reindexing meanwhile.
        """
        pointer = self._check_next(target)
        self._store(replace(pointer, live=target, next=None))
        return pointer.live

    def abort(self) -> IndexTarget | None:
        """Stop filling, and return the collection that was being filled, if any."""
        pointer = self.pointer.read()
        if pointer.next is not None:
            self._store(replace(pointer, next=None))
        return pointer.next

    def _check_next(self, target: IndexTarget) -> IndexPointer:
        pointer = self.pointer.read()
        if pointer.next != target:
            raise Failure(f"Somebody has ended the reindexing to {told(target)} meanwhile.")
        return pointer

    def _store(self, pointer: IndexPointer) -> None:
        if not self.pointer.store(pointer):
            raise Failure("Somebody else has changed the index pointer just now: run this again.")


def told(target: IndexTarget | None) -> str:
    """Return a collection as a person reads it."""
    if target is None:
        return "no collection"
    return f"{target.model} ({target.dimensions:,} dimensions{f', {target.host}' if target.host else ''})"
