"""A load brings the index to what the documents are now, and pays for nothing twice."""

from array import array
from collections.abc import Iterable, Sequence

import pytest

from rag.chunking import Chunker
from rag.documents.document import Document, Rejected
from rag.errors import InvalidRequest, UpstreamUnavailable
from rag.loading import LoadDocuments, Loaded
from rag.models import Embeddings, IndexedChunk
from rag.vectorising import CachedEmbedder
from tests.fakes.memory_cache import MemoryCache
from tests.fakes.memory_store import MemoryStore

LONG = "".join(f"Sentence number {n} says something of its own. " for n in range(200))


class CountingEmbedder:
    """Remembers the requests; each text's vector is its own."""

    model = "counting"
    dimensions = 2
    endpoint = "memory"

    def __init__(self) -> None:
        self.requests: list[list[str]] = []
        self.broken = False

    @property
    def embedded(self) -> int:
        return sum(map(len, self.requests))

    def embed(self, texts: Sequence[str]) -> Embeddings:
        if self.broken:
            raise UpstreamUnavailable("away")
        self.requests.append(list(texts))
        return Embeddings([array("f", (1.0, len(text))) for text in texts], tokens=7 * len(texts))


class Index(MemoryStore):
    """A store that counts settlements, and refuses the documents it is told to."""

    def __init__(self) -> None:
        super().__init__(dimensions=2)
        self.settled: list[int] = []
        self.refused = ""

    def upsert(self, tenant: str, chunks: Sequence[IndexedChunk]) -> None:
        if any(item.chunk.document_id == self.refused for item in chunks):
            raise InvalidRequest("Its title is too long.")
        super().upsert(tenant, chunks)

    def settle(self, tenant: str, chunk_ids: Sequence[str]) -> None:
        super().settle(tenant, chunk_ids)
        self.settled.append(len(chunk_ids))

    def texts(self, document_id: str, tenant: str = "acme") -> list[str]:
        chunks = [
            item.chunk for item in self._tenants.get(tenant, {}).values() if item.chunk.document_id == document_id
        ]
        return [chunk.text for chunk in sorted(chunks, key=lambda chunk: chunk.ordinal)]


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def index() -> Index:
    return Index()


@pytest.fixture
def load(embedder: CountingEmbedder, index: Index) -> LoadDocuments:
    return LoadDocuments(CachedEmbedder(embedder, MemoryCache()), index, Chunker())


def document(document_id: str, text: str, title: str = "T") -> Document:
    return Document(document_id, title, document_id, text)


def outcome(load: LoadDocuments, *documents: Document | Rejected, tenant: str = "acme") -> Loaded:
    steps: Iterable[Loaded | Rejected] = load(tenant, documents)
    return sum((step for step in steps if isinstance(step, Loaded)), Loaded())


def rejections(load: LoadDocuments, *documents: Document | Rejected) -> list[str]:
    return [step.document_id for step in load("acme", documents) if isinstance(step, Rejected)]


def test_documents_become_chunks_in_the_index(load: LoadDocuments, index: Index) -> None:
    loaded = outcome(load, document("a", "First."), document("b", LONG))

    assert index.texts("a") == ["First."]
    assert len(index.texts("b")) == loaded.chunks - 1 > 2
    assert (loaded.documents, loaded.embedded, loaded.tokens) == (2, loaded.chunks, 7 * loaded.chunks)
    assert index.settled == [loaded.chunks]


def test_loading_again_changes_nothing(load: LoadDocuments, index: Index, embedder: CountingEmbedder) -> None:
    first = outcome(load, document("a", LONG))
    requests = len(embedder.requests)

    again = outcome(load, document("a", LONG))

    assert again == Loaded(documents=1, chunks=first.chunks, unchanged=first.chunks)
    assert len(embedder.requests) == requests
    assert index.settled == [first.chunks]


def test_a_changed_document_replaces_its_old_chunks(load: LoadDocuments, index: Index) -> None:
    before = outcome(load, document("a", LONG), document("b", "Other."))

    after = outcome(load, document("a", "Short now."))

    assert index.texts("a") == ["Short now."]
    assert index.texts("b") == ["Other."]
    assert after.deleted == before.chunks - 1
    assert index.settled[1:] == [1]


def test_only_changed_parts_of_a_document_are_embedded(load: LoadDocuments, embedder: CountingEmbedder) -> None:
    first = outcome(load, document("a", LONG))

    again = outcome(load, document("a", LONG + "One sentence more."))

    assert again.embedded <= 2
    assert again.reused == again.chunks - again.embedded > 0
    assert embedder.embedded == first.embedded + again.embedded


def test_a_load_that_broke_off_goes_on_where_it_stopped(
    load: LoadDocuments, index: Index, embedder: CountingEmbedder
) -> None:
    outcome(load, document("a", "First."))
    embedder.broken = True
    with pytest.raises(UpstreamUnavailable):
        outcome(load, document("a", "First."), document("b", "Second."))
    embedder.broken = False

    loaded = outcome(load, document("a", "First."), document("b", "Second."))

    assert (loaded.unchanged, loaded.embedded) == (1, 1)
    assert index.texts("b") == ["Second."]


def test_a_rejected_document_keeps_its_chunks_and_stops_nothing(load: LoadDocuments, index: Index) -> None:
    outcome(load, document("a", "First."))

    assert rejections(load, Rejected("a", "It is binary."), document("b", "Second.")) == ["a"]
    assert index.texts("a") == ["First."]
    assert index.texts("b") == ["Second."]


def test_a_document_that_the_index_refuses_stops_no_other(load: LoadDocuments, index: Index) -> None:
    index.refused = "b"

    assert rejections(load, document("a", "First."), document("b", "Second."), document("c", "Third.")) == ["b"]
    assert index.texts("a") == ["First."]
    assert index.texts("b") == []
    assert index.texts("c") == ["Third."]


def test_an_id_that_comes_twice_is_rejected_the_second_time(load: LoadDocuments, index: Index) -> None:
    assert rejections(load, document("a", "First."), document("a", "Second.")) == ["a"]
    assert index.texts("a") == ["First."]


def test_tenants_do_not_meet(load: LoadDocuments, index: Index) -> None:
    outcome(load, document("a", "Ours."))
    outcome(load, document("a", "Theirs."), tenant="globex")

    assert index.texts("a") == ["Ours."]
    assert index.texts("a", tenant="globex") == ["Theirs."]


def test_requests_stay_within_the_endpoints_limits(embedder: CountingEmbedder, index: Index) -> None:
    small = LoadDocuments(
        CachedEmbedder(embedder, MemoryCache()), index, Chunker(), max_inputs=3, max_request_tokens=400
    )

    outcome(small, document("long", LONG), *(document(f"d{n}", f"Text {n}.") for n in range(10)))

    assert max(map(len, embedder.requests)) == 3
    assert min(map(len, embedder.requests)) <= 2


def test_many_documents_are_all_loaded(load: LoadDocuments, index: Index) -> None:
    loaded = outcome(load, *(document(f"d{n}", f"Text {n}.") for n in range(2_000)))

    assert (loaded.documents, loaded.chunks) == (2_000, 2_000)
    assert index.texts("d1999") == ["Text 1999."]


def test_nothing_to_load_is_no_call(load: LoadDocuments, index: Index, embedder: CountingEmbedder) -> None:
    assert outcome(load) == Loaded()
    assert (index.settled, embedder.requests) == ([], [])
