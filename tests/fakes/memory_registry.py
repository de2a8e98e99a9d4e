"""The Registry port in a dictionary."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from threading import Lock

from rag.registration import LiveVersion, Registration


class MemoryRegistry:
    """Stores each entry on its own, if its revision is still the stored one: writers that interleave are told so."""

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], Registration] = {}
        self._lock = Lock()

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:
        entries = self.load(tenant, document_ids)
        live = {document_id: entry.live() for document_id, entry in entries.items()}
        return {document_id: version for document_id, version in live.items() if version is not None}

    def load(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, Registration]:
        with self._lock:
            return {document_id: self._current(tenant, document_id) for document_id in document_ids}

    def store(self, entries: Sequence[Registration]) -> Mapping[str, Registration]:
        assert len({(entry.tenant, entry.document_id) for entry in entries}) == len(entries), "each entry once"
        assert len({entry.tenant for entry in entries}) <= 1, "one tenant a call"
        conflicts: dict[str, Registration] = {}
        with self._lock:
            for entry in entries:
                current = self._current(entry.tenant, entry.document_id)
                if current.revision == entry.revision:
                    stored = replace(entry, revision=entry.revision + 1)
                    self._entries[entry.tenant, entry.document_id] = stored
                else:
                    conflicts[entry.document_id] = current
        return conflicts

    def documents(self, tenant: str, *, source: str | None = None) -> Iterator[Registration]:
        with self._lock:
            entries = sorted(self._entries.items(), key=lambda item: item[0])
        for (owner, _), entry in entries:
            if owner == tenant and source in (None, entry.source):
                yield entry

    def tenants(self) -> Iterator[str]:
        with self._lock:
            return iter(sorted({tenant for tenant, _ in self._entries}))

    def _current(self, tenant: str, document_id: str) -> Registration:
        return self._entries.get((tenant, document_id)) or Registration(tenant, document_id)
