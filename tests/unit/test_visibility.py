"""Whatever the index holds, a search shows nothing but what the registry says is live and open to who asks."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag import vectors
from rag.contract import ModeName
from rag.contracts import Embedding, QueryRequest, SearchRequest
from rag.identity import chunk_id
from rag.index_pointer import IndexTarget
from rag.models import EVERYONE, NOBODY, Chunk, IndexedChunk, Principal
from rag.registration import LiveVersion
from rag.retrieval import Retriever, SearchedQuestion
from rag.searching import SearchVectors
from rag.tuning import Overrides
from tests.fakes.memory_registry import MemoryRegistry
from tests.fakes.memory_store import MemoryStore

TARGET = IndexTarget(model="m", dimensions=2)
NORTH = vectors.unit([1, 0])


class Library:
    """A tenant's registry and index, which need not agree."""

    def __init__(self) -> None:
        self.registry = MemoryRegistry()
        self.index = MemoryStore(2)

    def register(self, document_id: str, **fields: Any) -> None:
        """Change the document's entry in the registry alone."""
        entry = self.registry.load("acme", [document_id])[document_id]
        assert self.registry.store([replace(entry, **fields)]) == {}

    def put(self, document_id: str, version: str, groups: tuple[str, ...] = (), *, chunks: int = 1) -> None:
        """Put chunks of a version into the index alone, each a little further from north than the one before."""
        self.index.upsert("acme", [indexed(document_id, version, n, groups, n / 1_000) for n in range(chunks)])

    def publish(self, document_id: str, version: str, groups: tuple[str, ...] = (), *, chunks: int = 1) -> None:
        """Put a version into both."""
        self.put(document_id, version, groups, chunks=chunks)
        self.register(document_id, status="ready", live_version=version, groups=groups)

    def shows(self, *groups: str, top_k: int = 10) -> list[str]:
        """Return the texts that a search for north shows."""
        retriever = Retriever(lambda _: self.index, self.registry, Overrides().tuning_of)
        response = SearchVectors(retriever)(asking(groups, top_k)).response
        return [passage.text for passage in response.passages]


def indexed(
    document_id: str, version: str, ordinal: int, groups: tuple[str, ...], away: float, tenant: str = "acme"
) -> IndexedChunk:
    key = chunk_id(tenant, document_id, version, ordinal)
    text = f"{document_id} {version} {ordinal}"
    start = ordinal * 100
    chunk = Chunk(key, document_id, version, ordinal, "", "", text, 1, start, start + len(text), groups=groups)
    return IndexedChunk(chunk, vectors.unit([1, away]))


def asking(groups: Sequence[str], top_k: int) -> SearchRequest:
    query = QueryRequest(
        query="q", rewritten_query=None, question="q", phrasings=[], top_k=top_k, tenant="acme", groups=[*groups],
        filter=None, mode="dense",
    )  # fmt: skip
    embedding = Embedding(vectors=[vectors.encode(NORTH)], target=TARGET)
    return SearchRequest(request=query, embedding=embedding, degraded=[], trace_id="t")


@pytest.fixture
def library() -> Library:
    return Library()


def test_what_is_live_and_open_is_shown(library: Library) -> None:
    library.publish("a", "v1")
    assert library.shows() == ["a v1 0"]


def test_what_the_registry_never_heard_of_is_not_shown(library: Library) -> None:
    library.put("orphan", "v1")
    assert library.shows() == []


def test_a_deleted_document_is_gone_while_the_index_still_holds_it(library: Library) -> None:
    library.publish("a", "v1")
    library.register("a", status="deleted", live_version="")
    assert library.shows() == []


def test_a_revoked_group_sees_nothing_while_the_index_still_names_it(library: Library) -> None:
    library.publish("a", "v1", ("hr", "board"))
    library.register("a", groups=("board",))
    assert library.shows("hr") == []
    assert library.shows("board") == ["a v1 0"]


def test_what_is_closed_is_no_longer_open_to_the_tenant_while_the_index_says_so(library: Library) -> None:
    library.publish("a", "v1")
    library.register("a", groups=("board",))
    assert library.shows("hr") == []


def test_what_is_hidden_is_shown_to_nobody_while_the_index_names_groups(library: Library) -> None:
    library.publish("a", "v1", ("hr",))
    library.register("a", hidden=True)
    assert library.shows("hr") == []


def test_another_tenant_s_chunk_is_not_shown_though_document_and_version_are_called_alike(library: Library) -> None:
    library.register("a", status="ready", live_version="v1")
    library.index.upsert("acme", [indexed("a", "v1", 0, (), 0.0, tenant="rival")])  # an index that mixes tenants up
    assert library.shows() == []


def test_two_versions_are_never_shown_at_once(library: Library) -> None:
    library.publish("a", "v1", chunks=3)
    library.put("a", "v2", chunks=2)
    assert library.shows() == ["a v1 0", "a v1 1", "a v1 2"]

    library.register("a", live_version="v2")

    assert library.shows() == ["a v2 0", "a v2 1"]


def test_what_is_not_reaped_yet_does_not_thin_the_answer(library: Library) -> None:
    library.put("gone", "v1", chunks=150)
    library.put("kept", "old", chunks=60)
    library.publish("kept", "v2", chunks=220)
    assert library.shows(top_k=5) == [f"kept v2 {n}" for n in range(5)]


DOCUMENTS = ["a", "b", "c"]
VERSIONS = ["v1", "v2"]
GROUPS = st.lists(st.sampled_from(["hr", "board"]), unique=True, max_size=2).map(tuple)
READERS = st.one_of(GROUPS.map(lambda groups: groups or (EVERYONE,)), st.just((NOBODY,)))
LIVE = st.one_of(st.none(), st.builds(LiveVersion, st.sampled_from(VERSIONS), READERS))
PLACED = st.builds(
    indexed,
    st.sampled_from(DOCUMENTS),
    st.sampled_from(VERSIONS),
    st.integers(0, 30),
    st.one_of(GROUPS, st.just((NOBODY,))),
    st.floats(0, 1),
)


class Shown:
    """A registry of what is given."""

    def __init__(self, live: Mapping[str, LiveVersion | None]) -> None:
        self._live = live

    def live(self, tenant: str, document_ids: Sequence[str]) -> Mapping[str, LiveVersion]:
        found = {document_id: self._live.get(document_id) for document_id in document_ids}
        return {document_id: version for document_id, version in found.items() if version is not None}


MODES: list[ModeName] = ["dense", "lexical", "hybrid", "pruned"]


@given(
    placed=st.lists(PLACED, max_size=60),
    live=st.fixed_dictionaries({}, optional=dict.fromkeys(DOCUMENTS, LIVE)),
    groups=GROUPS,
    mode=st.sampled_from(MODES),
    top_k=st.integers(1, 20),
)
def test_all_that_matches_and_is_live_and_open_is_found_and_nothing_else(
    placed: list[IndexedChunk],
    live: dict[str, LiveVersion | None],
    groups: tuple[str, ...],
    mode: ModeName,
    top_k: int,
) -> None:
    index = MemoryStore(2)
    index.upsert("acme", placed)
    principal = Principal("acme", groups)
    retriever = Retriever(lambda _: index, Shown(live), Overrides().tuning_of)

    (retrieved,) = retriever.retrieve([SearchedQuestion("v1", NORTH)], principal, None, mode, top_k, TARGET)

    def is_shown(chunk: Chunk) -> bool:
        version = live.get(chunk.document_id)
        return version is not None and version.version == chunk.version and version.admits(principal.readers)

    def matches(chunk: Chunk) -> bool:
        return chunk.version == "v1" or mode in ("dense", "hybrid")  # "v1" is also a word of the text

    (everything,) = index.dense([NORTH], principal, 1_000, None)
    expected = {found.chunk.chunk_id for found in everything if is_shown(found.chunk) and matches(found.chunk)}
    assert {candidate.chunk.chunk_id for candidate in retrieved.candidates} == expected
