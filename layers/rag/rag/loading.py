"""Load documents: chunk them, embed what is new, and bring the index to exactly these chunks."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain
from typing import Final, Protocol

from rag.documents.document import Document, Rejected
from rag.errors import InvalidRequest
from rag.models import Chunk, IndexedChunk
from rag.ports import ChunkIndex
from rag.vectorising import CachedEmbedder

MAX_INPUTS: Final = 2_048  # OpenAI's limits on one embeddings request
MAX_REQUEST_TOKENS: Final = 300_000
_BATCH_DOCUMENTS: Final = 250
_BATCH_CHARACTERS: Final = 1_000_000  # about 250,000 tokens: few documents of a book's size travel together
_WORKERS: Final = 4


class SplitsDocuments(Protocol):
    """What the loader asks of a chunker."""

    def split(self, tenant: str, documents: Sequence[Document]) -> list[list[Chunk]]:
        """Return each document's chunks."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """A step of a load, as numbers that add up. A chunk is embedded, or reuses a vector, or was in the index before."""

    documents: int = 0
    chunks: int = 0
    embedded: int = 0
    reused: int = 0
    unchanged: int = 0
    deleted: int = 0  # chunks of older versions
    tokens: int = 0  # that the embedding model counted

    def __add__(self, other: "Loaded") -> "Loaded":
        return Loaded(
            self.documents + other.documents,
            self.chunks + other.chunks,
            self.embedded + other.embedded,
            self.reused + other.reused,
            self.unchanged + other.unchanged,
            self.deleted + other.deleted,
            self.tokens + other.tokens,
        )


Progress = Loaded | Rejected


@dataclass(frozen=True, slots=True)
class LoadDocuments:
    """Brings an index to what the documents are now. Loading them again changes nothing and embeds nothing."""

    embedder: CachedEmbedder
    index: ChunkIndex
    chunker: SplitsDocuments
    max_inputs: int = MAX_INPUTS
    max_request_tokens: int = MAX_REQUEST_TOKENS

    def __call__(self, tenant: str, documents: Iterable[Document | Rejected]) -> Iterator[Progress]:
        """Yield progress as batches of documents are done; the index is settled at the end.

        A rejected document is reported and keeps what the index holds of it. An id that comes twice is rejected the
        second time.

        Raises:
            TransientError, PermanentError: as the embedder and the index do. Loading again then goes on from there.
        """
        written: list[str] = []
        deleted = False
        for step in self._steps(tenant, documents):
            if isinstance(step, Rejected):
                yield step
            else:
                written += step.written
                deleted = deleted or step.loaded.deleted > 0
                yield step.loaded
        if written or deleted:
            self.index.settle(tenant, written)

    def _steps(self, tenant: str, documents: Iterable[Document | Rejected]) -> "Iterator[_Step | Rejected]":
        """Yield the outcomes of all batches in order, several of them under way side by side."""
        running: deque[Future[list[_Step | Rejected]]] = deque()
        with ThreadPoolExecutor(_WORKERS, thread_name_prefix="load") as workers:
            try:
                for item in _batches(_unique(documents)):
                    if isinstance(item, Rejected):
                        yield item
                        continue
                    running.append(workers.submit(self._load, tenant, item))
                    if len(running) > _WORKERS:
                        yield from running.popleft().result()
                while running:
                    yield from running.popleft().result()
            finally:
                for future in running:
                    future.cancel()

    def _load(self, tenant: str, documents: list[Document]) -> "list[_Step | Rejected]":
        """Load the documents together, or one by one where the index refuses something of theirs."""
        try:
            return [self._load_together(tenant, documents)]
        except InvalidRequest as error:
            if len(documents) == 1:
                return [Rejected(documents[0].document_id, str(error))]
        return [step for document in documents for step in self._load(tenant, [document])]

    def _load_together(self, tenant: str, documents: list[Document]) -> "_Step":
        split = self.chunker.split(tenant, documents)
        wanted = {chunk.chunk_id: chunk for chunk in chain.from_iterable(split)}
        present = {entry.chunk_id for entry in self.index.entries(tenant, [one.document_id for one in documents])}
        missing = [chunk for key, chunk in wanted.items() if key not in present]
        outdated = sorted(present - wanted.keys())
        reused = tokens = 0
        for chunks in self._requests(missing):
            embeddings = self.embedder.embed(tenant, [chunk.embedded_text for chunk in chunks])
            self.index.upsert(tenant, [IndexedChunk(*pair) for pair in zip(chunks, embeddings.vectors, strict=True)])
            reused += embeddings.reused
            tokens += embeddings.tokens
        if outdated:  # last, so that a reader finds the old version until the new one is there
            self.index.delete(tenant, outdated)
        loaded = Loaded(
            documents=len(documents),
            chunks=len(wanted),
            embedded=len(missing) - reused,
            reused=reused,
            unchanged=len(wanted) - len(missing),
            deleted=len(outdated),
            tokens=tokens,
        )
        return _Step(loaded, [chunk.chunk_id for chunk in missing])

    def _requests(self, chunks: Iterable[Chunk]) -> Iterator[list[Chunk]]:
        """Yield the chunks in groups that one embeddings request may hold."""
        request: list[Chunk] = []
        tokens = 0
        for chunk in chunks:
            most = chunk.tokens + len(f"{chunk.title}\n{chunk.heading}\n".encode())  # a token is at least one byte
            if request and (len(request) == self.max_inputs or tokens + most > self.max_request_tokens):
                yield request
                request, tokens = [], 0
            request.append(chunk)
            tokens += most
        if request:
            yield request


@dataclass(frozen=True, slots=True)
class _Step:
    loaded: Loaded
    written: list[str]  # ids of the chunks that are new in the index


def _unique(documents: Iterable[Document | Rejected]) -> Iterator[Document | Rejected]:
    seen: set[str] = set()
    for item in documents:
        if isinstance(item, Document) and item.document_id in seen:
            yield Rejected(item.document_id, "Its id was used before in this load: ids must be unique in a tenant.")
            continue
        if isinstance(item, Document):
            seen.add(item.document_id)
        yield item


def _batches(documents: Iterable[Document | Rejected]) -> Iterator[list[Document] | Rejected]:
    batch: list[Document] = []
    characters = 0
    for item in documents:
        if isinstance(item, Rejected):
            yield item
            continue
        batch.append(item)
        characters += len(item.text)
        if len(batch) == _BATCH_DOCUMENTS or characters >= _BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch
