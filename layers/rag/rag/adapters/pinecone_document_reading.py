"""What a namespace of a Pinecone document index holds: documents by id, by document, by search, and ids."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import pinecone.client.documents  # noqa: F401 - Index would import it at the first call, out of that call's deadline
from pinecone.index import Index
from pinecone.models.documents.document import Document
from pinecone.models.documents.responses import (
    FetchDocumentsResponse,
    ListedDocumentRecord,
    SearchDocumentsResponse,
)
from pinecone.models.documents.score_by import DocumentScoringMethod
from pinecone.models.pagination import Page

from rag.adapters.pinecone_connection import PineconeConnection
from rag.adapters.pinecone_documents import CHUNK, ENTRY
from rag.adapters.pinecone_limits import PAGE
from rag.errors import MalformedResponse

Answer = TypeVar("Answer", FetchDocumentsResponse, SearchDocumentsResponse)
Found = TypeVar("Found")

_NO_DOCUMENTS: Final = FetchDocumentsResponse({}, "")
_NO_IDS: Final[Page[ListedDocumentRecord]] = Page(items=[], pagination_token=None)
_ENTRIES: Final = 1_000  # of at most 10,000: two short fields each


class Match(NamedTuple):
    """A document that a search found, with its score and the chunk's fields."""

    chunk_id: str
    score: float
    fields: dict[str, Any]


class PineconeDocumentReading:
    """Reads one index. A namespace that does not exist yet holds nothing."""

    def __init__(self, connection: PineconeConnection) -> None:
        self._connection = connection

    def search(self, namespace: str, score_by: DocumentScoringMethod, top_k: int, where: dict[str, Any]) -> list[Match]:
        """Return at most `top_k` documents.

        Raises:
            MalformedResponse: a match has no id or no score.
        """

        def search(index: Index) -> SearchDocumentsResponse:
            found = index.documents.search(
                namespace=namespace, score_by=[score_by], top_k=top_k, filter=where, include_fields=CHUNK
            )
            return _answered(namespace, found)

        response = self._connection.call_or(search, absent=None)
        return [] if response is None else [_match(match) for match in response.matches]

    def documents(self, namespace: str, chunk_ids: Sequence[str], fields: Sequence[str]) -> FetchDocumentsResponse:
        """Return these fields of the documents with these ids."""

        def fetch(index: Index) -> FetchDocumentsResponse:
            found = index.documents.fetch(namespace=namespace, ids=chunk_ids, include_fields=fields)
            return _answered(namespace, found)

        return self._connection.call_or(fetch, absent=_NO_DOCUMENTS)

    def entries(self, namespace: str, document_ids: Sequence[str]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the id of each chunk of these documents, and the fields that tell its document and version."""
        where = {"document_id": {"$in": list(document_ids)}}

        def read(token: str | None) -> tuple[list[tuple[str, dict[str, Any]]], str | None]:
            def fetch(index: Index) -> FetchDocumentsResponse:
                page = index.documents.fetch(
                    namespace=namespace, filter=where, include_fields=ENTRY, limit=_ENTRIES, pagination_token=token
                )
                return _answered(namespace, page)

            page = self._connection.call_or(fetch, absent=_NO_DOCUMENTS)
            found = [(chunk_id, document.to_dict()) for chunk_id, document in page.documents.items()]
            return found, page.pagination.next if page.pagination else None

        return _pages(read)

    def ids(self, namespace: str) -> Iterator[str]:
        """Yield all ids."""

        def read(token: str | None) -> tuple[list[str], str | None]:
            def page_of(index: Index) -> Page[ListedDocumentRecord]:
                listed = index.documents.list(namespace=namespace, limit=PAGE, pagination_token=token)
                return next(iter(listed.pages()), _NO_IDS)

            page = self._connection.call_or(page_of, absent=_NO_IDS)
            return [item.id for item in page.items], page.pagination_token

        return _pages(read)


def _match(document: Document) -> Match:
    fields = document.to_dict()
    chunk_id, score = fields.get("_id"), fields.get("_score")
    if not isinstance(chunk_id, str) or isinstance(score, bool) or not isinstance(score, int | float):
        raise MalformedResponse("Pinecone returned a match without its id or its score.")
    return Match(chunk_id, score, fields)


def _answered(namespace: str, answer: Answer) -> Answer:
    if answer.namespace != namespace:
        raise MalformedResponse("Pinecone answered for another tenant.")
    return answer


def _pages(read: Callable[[str | None], tuple[list[Found], str | None]]) -> Iterator[Found]:
    token: str | None = None
    while True:
        found, following = read(token)
        yield from found
        if not following:
            return
        if following == token:
            raise MalformedResponse("Pinecone's pages go round in a circle.")
        token = following
