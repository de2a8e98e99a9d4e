"""Which collection the query path reads, and which ones ingestion writes."""

from dataclasses import dataclass

from rag.contract import Contract


class IndexTarget(Contract, frozen=True, kw_only=True):
    """A collection: the embedding model it was made for, and where it is, if that is not told by the model's name.

    `host` is that of a Pinecone index; a Milvus collection is named after its model.
    """

    model: str
    dimensions: int
    host: str = ""

    @property
    def slug(self) -> str:
        """A name for file names, unique per model and dimensions."""
        cleaned = "".join(character if character.isascii() and character.isalnum() else "_" for character in self.model)
        return f"{cleaned}_{self.dimensions}"


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
