"""Pinecone adapter for the PassageSearch and ChunkIndex ports on a document index: one namespace per tenant."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import mul
from typing import Any, Final

from pinecone.index import Index
from pinecone.models.documents.responses import UpsertDocumentsResponse
from pinecone.models.documents.score_by import DenseVectorQuery, TextQuery
from pinecone.models.response_info import ResponseInfo

from rag.adapters.pinecone_connection import PineconeConnection
from rag.adapters.pinecone_document_filters import admitted_documents
from rag.adapters.pinecone_document_reading import Match, PineconeDocumentReading
from rag.adapters.pinecone_documents import (
    CHUNK,
    ENTRY,
    WHOLE,
    document_chunk,
    document_entry,
    document_readers,
    document_vector,
    to_document,
)
from rag.adapters.pinecone_filters import READERS
from rag.adapters.pinecone_limits import DELETED_AT_ONCE, DOCUMENTS_AT_ONCE, FETCHED_AT_ONCE, Record, batches, slices
from rag.adapters.pinecone_results import best, check_dimensions, namespace_of, readable, similarity
from rag.adapters.pinecone_schema import EMBEDDING, PASSAGE
from rag.adapters.pinecone_settling import PineconeSettling
from rag.adapters.scores import bm25
from rag.errors import MalformedResponse
from rag.filters import Filter
from rag.models import Chunk, IndexedChunk, IndexEntry, Principal, ScoredChunk
from rag.ports import Credential
from rag.side_by_side import side_by_side
from rag.vectors import Vector
from rag.words import asked_words, searched_words

_TELLING_WORD: Final = re.compile(r"\b[^\W_]{5,30}\b")  # no stop word, as a rule, and none that the analyser cuts
_TELLING_WORDS: Final = 3
_ASKED_WORDS: Final = 20


class PineconeDocumentStore:
    """Chunks in one Pinecone document index: a dense field with the dotproduct metric, a text field with BM25."""

    def __init__(
        self,
        credential: Credential,
        host: str,
        dimensions: int,
        deadline_seconds: float,
        *,
        settle_seconds: float = 60.0,
    ) -> None:
        self._connection = PineconeConnection(credential, host, deadline_seconds)
        self._reading = PineconeDocumentReading(self._connection)
        self._settling = PineconeSettling(settle_seconds)
        self._dimensions = dimensions

    def dense(
        self, vectors: "Sequence[Vector[float]]", principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        """Return, per vector, at most `top_k` chunks that the principal may read and `where` admits, nearest first."""
        for vector in vectors:
            check_dimensions(len(vector), self._dimensions)
        namespace = namespace_of(principal.tenant)
        admits = admitted_documents(principal, where)

        def nearest(vector: "Vector[float]") -> list[ScoredChunk]:
            query = DenseVectorQuery(field=EMBEDDING, values=vector.tolist())
            found = self._reading.search(namespace, query, top_k, admits)
            return best((ScoredChunk(_readable(match, principal), similarity(match.score)) for match in found), top_k)

        return side_by_side(nearest, vectors)

    def lexical(
        self, texts: Sequence[str], principal: Principal, top_k: int, where: Filter | None
    ) -> list[list[ScoredChunk]]:
        """Return, per text, at most `top_k` such chunks that share a word with it, the highest BM25 first."""
        namespace = namespace_of(principal.tenant)
        admits = admitted_documents(principal, where)

        def worded(text: str) -> list[ScoredChunk]:
            question = _without_question_words(text)
            if not question:
                return []
            found = self._reading.search(namespace, TextQuery(query=question, fields=[PASSAGE]), top_k, admits)
            scored = (ScoredChunk(_readable(match, principal), bm25(match.score)) for match in found)
            return best((passage for passage in scored if passage.score > 0), top_k)

        return side_by_side(worded, texts)

    def similarities(
        self, vector: "Vector[float]", principal: Principal, chunk_ids: Sequence[str]
    ) -> Mapping[str, float]:
        """Return the cosine similarity of those chunks that the principal may read; others are left out."""
        check_dimensions(len(vector), self._dimensions)
        namespace = namespace_of(principal.tenant)

        def similar(ids: Sequence[str]) -> dict[str, float]:
            found = self._reading.documents(namespace, ids, (READERS, EMBEDDING)).documents
            return {
                chunk_id: similarity(sum(map(mul, vector, self._vector(document.to_dict()))))
                for chunk_id, document in found.items()
                if not set(document_readers(document.to_dict())).isdisjoint(principal.readers)
            }

        found = side_by_side(similar, list(slices(list(dict.fromkeys(chunk_ids)), FETCHED_AT_ONCE)))
        return {chunk_id: score for part in found for chunk_id, score in part.items()}

    def upsert(self, tenant: str, chunks: Sequence[IndexedChunk]) -> None:
        """Store the chunks under their ids, in requests of at most 1,000 documents and 2 MB.

        Raises:
            InvalidRequest: a chunk's text exceeds 100 KB or 10,000 words, or its other fields 40 KB. Nothing is
                written then, of any chunk.
        """
        namespace = namespace_of(tenant)
        for item in chunks:
            check_dimensions(len(item.vector), self._dimensions)
        newest = {item.chunk.chunk_id: item for item in chunks}  # a request may not name a document twice
        for batch in batches([to_document(item) for item in newest.values()]):

            def upsert(index: Index, batch: list[Record] = batch) -> UpsertDocumentsResponse:
                return index.documents.upsert(namespace=namespace, documents=batch)

            response = self._connection.call(upsert)
            if response.upserted_count < len(batch):
                raise MalformedResponse("Pinecone stored fewer documents than it was sent.")
            self._settling.wrote(namespace, response.response_info)

    def delete(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Delete the chunks with these ids; unknown ids are passed over."""
        namespace = namespace_of(tenant)
        for ids in slices(chunk_ids, DELETED_AT_ONCE):

            def delete(index: Index, ids: Sequence[str] = ids) -> None:
                index.documents.delete(namespace=namespace, ids=ids)

            self._connection.call_or(delete, absent=None)

    def entries(self, tenant: str, document_ids: Sequence[str]) -> Iterator[IndexEntry]:
        """Yield what the index holds of these documents, all versions."""
        namespace = namespace_of(tenant)
        for ids in slices(document_ids, DOCUMENTS_AT_ONCE):
            for chunk_id, fields in self._reading.entries(namespace, ids):
                yield document_entry(chunk_id, fields)

    def fetch(self, tenant: str, chunk_ids: Sequence[str]) -> Iterator[IndexedChunk]:
        """Yield the tenant's chunks with these ids, in any order.

        A chunk that was written a moment ago may be missing, or come as it was before, until `settle` has returned for
        its id in the store that wrote it.
        """
        namespace = namespace_of(tenant)
        for ids in slices(list(dict.fromkeys(chunk_ids)), FETCHED_AT_ONCE):
            for chunk_id, document in self._reading.documents(namespace, ids, WHOLE).documents.items():
                fields = document.to_dict()
                yield IndexedChunk(document_chunk(chunk_id, fields), self._vector(fields))

    def ids(self, tenant: str) -> Iterator[str]:
        """Yield the ids of all chunks of the tenant; what was written or deleted a moment ago may not show yet."""
        return self._reading.ids(namespace_of(tenant))

    def settle(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        """Block until reads see the chunks as they were written last, and a search by words finds the last of them."""
        namespace = namespace_of(tenant)

        def read(ids: Sequence[str]) -> tuple[Collection[str], ResponseInfo | None]:
            response = self._reading.documents(namespace, ids, ENTRY)
            return response.documents, response.response_info

        self._settling.settle(namespace, chunk_ids, read, lambda chunk_id: self._is_searchable(namespace, chunk_id))

    def close(self) -> None:
        """Close the connections that are open."""
        self._connection.close()

    def _is_searchable(self, namespace: str, chunk_id: str) -> bool:
        """Tell whether a chunk's own words find it, since Pinecone indexes texts after it shows the documents.

        A text without a few longer words is taken for searchable: all that it has may be stop words.
        """
        found = self._reading.documents(namespace, [chunk_id], CHUNK).documents
        if chunk_id not in found:
            return False
        fields = found[chunk_id].to_dict()
        words = list(dict.fromkeys(_TELLING_WORD.findall(document_chunk(chunk_id, fields).text.lower())))
        if len(words) < _TELLING_WORDS:
            return True
        place = [{name: {"$eq": fields[name]}} for name in (*ENTRY, "ordinal")]
        query = TextQuery(query=" ".join(words[:_ASKED_WORDS]), fields=[PASSAGE])
        return any(match.chunk_id == chunk_id for match in self._reading.search(namespace, query, 1, {"$and": place}))

    def _vector(self, document: Mapping[str, Any]) -> "Vector[float]":
        vector = document_vector(document)
        check_dimensions(len(vector), self._dimensions)
        return vector


def _readable(match: Match, principal: Principal) -> Chunk:
    return readable(document_chunk(match.chunk_id, match.fields), principal)


def _without_question_words(text: str) -> str:
    """Return a question without the words that only make it one, in its own spelling: Pinecone finds the stems."""
    asked = set(asked_words(text))
    return " ".join(word for word in text.split() if not asked.isdisjoint(searched_words(word)))
