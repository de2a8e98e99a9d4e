"""The domain's values: who asks, what is stored, and what is found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.vectors import Vector

MetadataValue = str | float | bool  # an int is a float here; integers stay within 2^53
Metadata = Mapping[str, MetadataValue]

EVERYONE = "*"  # no group can have this name, so it marks what is open to the whole tenant
NOBODY = "-"  # nor this, so it marks what is hidden from all


@dataclass(frozen=True, slots=True)
class Principal:
    """Who reads: one tenant, and the groups whose documents are open besides the tenant's common ones."""

    tenant: str
    groups: tuple[str, ...] = ()

    @property
    def readers(self) -> tuple[str, ...]:
        """What a chunk's `readers` must share with, for this principal to see it."""
        return (EVERYONE, *self.groups)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document, as the index stores it. `start` and `end` count characters of the extracted text."""

    chunk_id: str
    document_id: str
    version: str
    ordinal: int
    title: str
    source: str
    text: str
    tokens: int
    start: int
    end: int
    heading: str = ""  # the path of headings above it, joined by " > "
    page: int | None = None
    groups: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)

    @property
    def readers(self) -> tuple[str, ...]:
        """Groups that may read it, or everyone in the tenant."""
        return self.groups or (EVERYONE,)

    @property
    def embedded_text(self) -> str:
        """What the embedding model reads: the place in the document, then the text."""
        return "\n".join(part for part in (self.title, self.heading, self.text) if part)


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """A chunk with its vector of unit length."""

    chunk: Chunk
    vector: "Vector[float]"


@dataclass(frozen=True, slots=True)
class IndexEntry:
    """What the index holds of a document: one chunk's key and the version it belongs to."""

    chunk_id: str
    document_id: str
    version: str


@dataclass(frozen=True, slots=True)
class ScoredChunk:
    """A chunk that one leg found: its cosine, -1 to 1, on the dense leg; its BM25, 0 and up, on the lexical one."""

    chunk: Chunk
    score: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that retrieval found: the score that ranks it, and what the legs gave it (None: not among their best)."""

    chunk: Chunk
    score: float
    dense: float | None = None
    lexical: float | None = None


@dataclass(frozen=True, slots=True)
class Embeddings:
    """Vectors of unit length, one per text, and the tokens that the model counted for all of them."""

    vectors: "Sequence[Vector[float]]"
    tokens: int


@dataclass(frozen=True, slots=True)
class Completion:
    """What a chat model wrote, and the tokens that it counted."""

    text: str
    model: str
    prompt_tokens: int
    completion_tokens: int
    finish_reason: str
