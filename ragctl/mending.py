"""Mends what the doctor finds: orphans are deleted, versions reaped, and documents read again from the bucket."""

import secrets
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rag.ingestion.contracts import Work, WorkRequest
from rag.ingestion.examination import Examination, Finding
from rag.ingestion.examining import ExamineIndex
from rag.ingestion.reaping import ReapVersions
from rag.ingestion.staging import Claimed, Staging
from rag.objects import STAGING, ObjectInfo
from rag.registration import Registration
from ragctl.retrying import is_on_its_way, stuck_before, with_sidecars

_ROUNDS: Final = 5
_FEW: Final = 10  # documents; more of them go together, in one run

ByHand = Callable[[Sequence[Mapping[str, Any]]], Iterable[str | None]]
InBulk = Callable[[str, Sequence[ObjectInfo], int], None]


@dataclass(frozen=True)
class Mended:
    """What was found at first, what is left, and what could not be ingested again, with the reasons."""

    before: Examination
    after: Examination
    failures: dict[tuple[str, str], str]  # by tenant and document id


@dataclass(frozen=True)
class Mending:
    """Mends in rounds, since an examination lists the first findings only, until all is well or nothing gets better.

    `by_hand` runs the ingestion machine on each change, and tells of each why it failed, or None. `in_bulk` ingests
    objects of a tenant, so and so many documents, in one run; the registry tells how they came out.
    """

    examine: ExamineIndex
    reap: ReapVersions
    by_hand: ByHand
    in_bulk: InBulk

    def __call__(self, tenant: str | None = None) -> Mended:
        """Mend one tenant, or all.

        Raises:
            RagError: as the registry, the index and the bucket do.
        """
        before = found = self.examine(tenant, delete_orphans=True)
        failures: dict[tuple[str, str], str] = {}
        for _ in range(_ROUNDS):
            if found.ok:
                break
            self._reap(found.of("unreaped"))
            failures |= self._ingest(found.of("missing", "stuck"))
            earlier, found = found, self.examine(tenant, delete_orphans=True)
            if found.discrepancies >= earlier.discrepancies:
                break
        return Mended(before, found, failures)

    def _reap(self, findings: Sequence[Finding]) -> None:
        """Delete what nobody needs, as the ingestion machine would have done in the end."""
        for tenant in dict.fromkeys(finding.tenant for finding in findings):
            names = [finding.document_id for finding in findings if finding.tenant == tenant]
            entries = self.examine.registry.load(tenant, names).values()
            name = f"doctor-{secrets.token_hex(6)}"
            work = Work(tenant=tenant, prefix=f"{STAGING}{tenant}/{name}")
            claims = [Claimed(entry.document_id, entry.turn, entry.version) for entry in entries]
            Staging(self.reap.objects, work).write_claims(claims)
            self.reap(WorkRequest(work=work, trace_id=name))

    def _ingest(self, findings: Sequence[Finding]) -> dict[tuple[str, str], str]:
        """Read documents again, those with missing chunks into a new version, and return why it failed where it did."""
        actions: dict[tuple[str, str], str] = {}
        for finding in findings:
            key = finding.tenant, finding.document_id
            if finding.kind == "missing" or key not in actions:
                actions[key] = "reindex" if finding.kind == "missing" else "ingest"
        together = self._ingest_together(actions)
        alone = [key for key in actions if key not in together]
        changes = [{"tenant": tenant, "document_id": name, "action": actions[tenant, name]} for tenant, name in alone]
        told = self.by_hand(changes) if changes else ()
        failures = {key: reason for key, reason in zip(alone, told, strict=True) if reason is not None}
        return failures | self._failed([key for key in {**actions, **dict.fromkeys(together)} if key not in failures])

    def _ingest_together(self, actions: Mapping[tuple[str, str], str]) -> set[tuple[str, str]]:
        """Ingest a tenant's stuck documents in one run, where they are many and in the bucket; return which they are.

        These are all that are stuck: an examination lists only the first.
        """
        done: set[tuple[str, str]] = set()
        for tenant in dict.fromkeys(tenant for tenant, _ in actions):
            names = {name for (owner, name), action in actions.items() if owner == tenant and action == "ingest"}
            if len(names) <= _FEW:
                continue
            entries = list(self._stuck(tenant, names))
            found = with_sidecars(self.reap.objects, dict.fromkeys(entry.key for entry in entries))
            listed = [info for infos in found.values() for info in infos]
            present = {(tenant, entry.document_id) for entry in entries if found[entry.key]}
            if listed:
                self.in_bulk(tenant, listed, len(present))
            done |= {key for key in present if actions.get(key) != "reindex"}  # a run makes no version of the same text
        return done

    def _stuck(self, tenant: str, names: Container[str]) -> Iterator[Registration]:
        limit = stuck_before(self.examine.clock(), self.examine.patience_seconds)
        for registry in (self.examine.registry, self.examine.files):
            for entry in registry.documents(tenant):
                if entry.key and (entry.document_id in names or (is_on_its_way(entry) and entry.updated_at < limit)):
                    yield entry

    def _failed(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
        """Return why documents failed whose execution went well: nothing in the bucket to read, for example."""
        failures: dict[tuple[str, str], str] = {}
        for tenant in dict.fromkeys(tenant for tenant, _ in keys):
            names = [name for owner, name in keys if owner == tenant]
            for registry in (self.examine.registry, self.examine.files):
                for name, entry in registry.load(tenant, names).items():
                    if entry.status == "failed":
                        failures[tenant, name] = entry.error
        return failures
