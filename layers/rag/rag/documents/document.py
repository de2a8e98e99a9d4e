"""What ingestion works on: a document that could be read, or the reason why one could not."""

from dataclasses import dataclass, field

from rag.models import Metadata


@dataclass(frozen=True, slots=True)
class Document:
    """What a user owns, as text. Chunks count their characters in `text`; headings in it are Markdown's."""

    document_id: str
    title: str
    source: str
    text: str
    groups: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document that is not loaded, and why, in words that a person can act on."""

    document_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Extracted:
    """A document's title, empty where it has none of its own, and its text."""

    title: str
    text: str
