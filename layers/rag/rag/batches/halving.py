"""Many texts embedded in one request, and in halves of it where the model refuses that: one text spoils no other."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rag.errors import MalformedResponse, UpstreamRejected
from rag.ports import Embedder, EmbeddingCache
from rag.side_by_side import side_by_side
from rag.vectorising import CachedEmbedder, ReusedEmbeddings

_PLAIN: Final = "Hello."  # what every embedding model takes

Refusal = UpstreamRejected | MalformedResponse


@dataclass(frozen=True, slots=True)
class EmbeddedPart:
    """Texts that were asked for together, and their vectors, or why there are none."""

    texts: Sequence[str]
    outcome: ReusedEmbeddings | Refusal

    @property
    def is_embedded(self) -> bool:
        """Whether there are vectors."""
        return isinstance(self.outcome, ReusedEmbeddings)

    @property
    def is_settled(self) -> bool:
        """Whether nothing more can be found out about it."""
        return self.is_embedded or len(self.texts) == 1

    @property
    def pieces(self) -> "Iterator[EmbeddedPart | Sequence[str]]":
        """What to try in its place: its halves, or itself where it is settled."""
        if self.is_settled:
            yield self
        else:
            middle = len(self.texts) // 2
            yield from (self.texts[:middle], self.texts[middle:])


def embedded_in_parts(
    embedder: Embedder, cache: EmbeddingCache, tenant: str, texts: Sequence[str]
) -> list[EmbeddedPart]:
    """Return the texts with their vectors, in their order: one part, unless the model refuses the request.

    Then a plain text tells whether it refuses any. If not, refused parts are halved, those of all of them side by side,
    until what is refused is a single text.

    Raises:
        UpstreamRejected, MalformedResponse: all texts are refused, or the plain one is.
        TransientError, PermanentError: as the embedder does.
    """
    cached = CachedEmbedder(embedder, cache)

    def tried(piece: EmbeddedPart | Sequence[str]) -> EmbeddedPart:
        if isinstance(piece, EmbeddedPart):
            return piece
        try:
            return EmbeddedPart(piece, cached.embed(tenant, piece))
        except (UpstreamRejected, MalformedResponse) as refusal:
            return EmbeddedPart(piece, refusal)

    whole = tried(texts)
    parts = [whole]
    if not whole.is_settled:
        embedder.embed([_PLAIN])
    while not all(part.is_settled for part in parts):
        parts = side_by_side(tried, [piece for part in parts for piece in part.pieces])
    if not isinstance(whole.outcome, ReusedEmbeddings) and not any(part.is_embedded for part in parts):
        raise whole.outcome
    return parts
