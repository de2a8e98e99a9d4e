"""What a principal may see, of what an index holds: the registry tells, and not the index."""

from collections.abc import Iterable

from rag.identity import chunk_id
from rag.models import Chunk, Principal
from rag.ports import LiveDocuments
from rag.registration import LiveVersion


class Visibility:
    """What one principal may see at the moment of one search. Each document is looked up once."""

    def __init__(self, live: LiveDocuments, principal: Principal) -> None:
        self._live = live
        self._principal = principal
        self._known: dict[str, LiveVersion | None] = {}

    def look_up(self, chunks: Iterable[Chunk]) -> None:
        """Learn of the documents that were not looked up yet, all at once.

        Raises:
            TransientError: the registry could not be read. Nothing may be shown then.
        """
        named = dict.fromkeys(chunk.document_id for chunk in chunks)
        unknown = [document_id for document_id in named if document_id not in self._known]
        if unknown:
            found = self._live.live(self._principal.tenant, unknown)
            self._known |= {document_id: found.get(document_id) for document_id in unknown}

    def shows(self, chunk: Chunk) -> bool:
        """Tell whether the principal may see a chunk; one whose document was never looked up, nobody may.

        The chunk's id is made of its tenant: another tenant's chunk is known by it, whatever else it has in common.
        """
        live = self._known.get(chunk.document_id)
        return (
            live is not None
            and live.version == chunk.version
            and live.admits(self._principal.readers)
            and chunk.chunk_id == chunk_id(self._principal.tenant, chunk.document_id, chunk.version, chunk.ordinal)
        )
