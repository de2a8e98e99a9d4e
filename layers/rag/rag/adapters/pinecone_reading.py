"""What a Pinecone namespace holds: records by id and by document, and ids, page by page."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from pinecone.index import Index
from pinecone.models.vectors.responses import FetchByMetadataResponse, FetchResponse, ListResponse, QueryResponse

from rag.adapters.pinecone_connection import PineconeConnection
from rag.adapters.pinecone_limits import PAGE
from rag.errors import MalformedResponse

Answer = TypeVar("Answer", QueryResponse, FetchResponse, FetchByMetadataResponse, ListResponse)
Page = TypeVar("Page", FetchByMetadataResponse, ListResponse)


class PineconeReading:
    """Reads one index. A namespace that does not exist yet holds nothing."""

    def __init__(self, connection: PineconeConnection) -> None:
        self._connection = connection

    def records(self, namespace: str, chunk_ids: Sequence[str]) -> FetchResponse:
        """Return the records with these ids."""

        def fetch(index: Index) -> FetchResponse:
            return answered(namespace, index.fetch(ids=chunk_ids, namespace=namespace))

        return self._connection.call_or(fetch, absent=FetchResponse())

    def of_documents(self, namespace: str, document_ids: Sequence[str]) -> Iterator[FetchByMetadataResponse]:
        """Yield pages of the documents' records."""
        return _pages(partial(self._of_documents, namespace, document_ids))

    def listed(self, namespace: str) -> Iterator[ListResponse]:
        """Yield pages of ids."""
        return _pages(partial(self._listed, namespace))

    def _of_documents(self, namespace: str, document_ids: Sequence[str], token: str | None) -> FetchByMetadataResponse:
        documents = {"document_id": {"$in": list(document_ids)}}

        def fetch(index: Index) -> FetchByMetadataResponse:
            page = index.fetch_by_metadata(filter=documents, namespace=namespace, limit=PAGE, pagination_token=token)
            return answered(namespace, page)

        return self._connection.call_or(fetch, absent=FetchByMetadataResponse())

    def _listed(self, namespace: str, token: str | None) -> ListResponse:
        def fetch(index: Index) -> ListResponse:
            return answered(namespace, index.list_paginated(namespace=namespace, limit=PAGE, pagination_token=token))

        return self._connection.call_or(fetch, absent=ListResponse())


def answered(namespace: str, answer: Answer) -> Answer:
    """Return an answer that is of this namespace, and of Pinecone at all.

    Raises:
        MalformedResponse: it is not.
    """
    if answer.namespace and answer.namespace != namespace:
        raise MalformedResponse("Pinecone answered for another tenant.")
    found = answer.matches if isinstance(answer, QueryResponse) else answer.vectors
    if not (found or answer.namespace or answer.usage):  # any JSON object decodes to an empty answer
        raise MalformedResponse("Pinecone's answer is not of its API.")
    return answer


def _pages(read: Callable[[str | None], Page]) -> Iterator[Page]:
    token: str | None = None
    while True:
        page = read(token)
        yield page
        following = page.pagination.next if page.pagination else None
        if not following:
            return
        if following == token:
            raise MalformedResponse("Pinecone's pages go round in a circle.")
        token = following
