"""What an examination found: where registry and index differ, and what is not getting on."""

from dataclasses import dataclass
from typing import Final, Literal

import msgspec

LISTED: Final = 1_000  # findings of a kind; all are counted

Kind = Literal["orphan", "missing", "unfilled", "stuck", "unreaped"]
KINDS: Final[tuple[Kind, ...]] = ("orphan", "missing", "unfilled", "stuck", "unreaped")


class Finding(msgspec.Struct, frozen=True):
    """A document that something is wrong with. `chunks` are those that are concerned, none where it is stuck.

    An orphan is in the index though no version of the registry has it; a missing chunk is one of a live version; an
    unfilled one is lacking only in the collection that is being filled; unreaped ones nobody needs any more.
    """

    kind: Kind
    tenant: str
    document_id: str
    chunks: int = 0
    collection: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Examination:
    """The counts of one examination, and the first findings of each kind. `chunks` are those that the index holds."""

    tenants: int
    documents: int
    chunks: int
    orphans: int  # chunks
    missing: int  # chunks
    unfilled: int  # chunks
    stuck: int  # documents and files of records
    unreaped: int  # documents
    findings: tuple[Finding, ...]

    @property
    def discrepancies(self) -> int:
        """How much is wrong; a collection that is still being filled is as it should be."""
        return self.orphans + self.missing + self.stuck + self.unreaped

    @property
    def ok(self) -> bool:
        """Whether registry and index agree, and everything gets on."""
        return not self.discrepancies

    def of(self, *kinds: Kind) -> list[Finding]:
        """Return the findings of these kinds."""
        return [finding for finding in self.findings if finding.kind in kinds]
