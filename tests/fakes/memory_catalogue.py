"""The Catalogue port over the registry's fake."""

from collections.abc import Iterator

from rag.registration import Registration
from tests.fakes.memory_registry import MemoryRegistry


class MemoryCatalogue:
    """Orders ids by their bytes, as DynamoDB does."""

    def __init__(self, registry: MemoryRegistry) -> None:
        self._registry = registry

    def after(self, tenant: str, document_id: str, prefix: str, wanted: int) -> Iterator[Registration]:
        for entry in sorted(self._registry.documents(tenant), key=lambda entry: entry.document_id.encode()):
            if entry.document_id.startswith(prefix) and entry.document_id.encode() > document_id.encode():
                yield entry
