"""Which collection the query path reads, and which ones ingestion writes."""

import hashlib
from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from rag.contract import Contract
from rag.identity import collection_name


class IndexTarget(Contract, frozen=True, kw_only=True):
    """A collection: the embedding model it was made for, and where it is, if that is not told by the model's name.

    `host` is that of a Pinecone index; a Milvus collection is named after its model.
    """

    model: Annotated[str, Meta(max_length=200)]
    dimensions: int
    host: Annotated[str, Meta(max_length=270)] = ""

    @property
    def slug(self) -> str:
        """The collection's name, and where it is as well if that is told: two indexes may serve one model."""
        name = collection_name(self.model, self.dimensions)
        return f"{name}_{hashlib.sha256(self.host.encode()).hexdigest()[:8]}" if self.host else name


@dataclass(frozen=True, slots=True)
class IndexPointer:
    """The live collection, and the next one while another model's is being filled. Ingestion writes both."""

    live: IndexTarget
    next: IndexTarget | None = None
    revision: int = 0

    @property
    def targets(self) -> tuple[IndexTarget, ...]:
        """The collections that must hold every live version."""
        return (self.live,) if self.next is None else (self.live, self.next)
