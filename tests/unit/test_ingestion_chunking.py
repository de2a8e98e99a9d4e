"""Chunks are packed to what a request may hold, and registered before the index sees any of them."""

from collections.abc import Iterator
from typing import Final

import pytest

from rag.chunking import Chunker
from rag.errors import UnreadableDocument
from rag.index_pointer import IndexPointer
from rag.ingestion import chunking, packing
from rag.ingestion.chunking import ChunkDocument
from rag.ingestion.contracts import ChunkResponse, Work, WorkRequest
from rag.ingestion.packing import Packer, most_tokens
from rag.ingestion.staging import StagedDocument, Staging
from rag.models import Chunk
from rag.registration import Origin, Registration, claim
from tests.fakes.ingestion_stage import LIVE, NEXT, TENANT
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.memory_pointer import MemoryPointer
from tests.fakes.memory_registry import MemoryRegistry

WORK: Final = Work(tenant=TENANT, prefix=f"staging/{TENANT}/e")
TEXT: Final = "\n\n".join(
    f"Rule {number} says that everybody asks desk {number * 7} before noon." for number in range(9)
)


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def registry() -> MemoryRegistry:
    return MemoryRegistry()


def taken(registry: MemoryRegistry, name: str, origin: str = "first") -> Registration:
    entry = claim(registry.load(TENANT, [name])[name], Origin(origin), name, "key", "now").entry
    registry.store([entry])
    return entry


def staged(entry: Registration, text: str = TEXT, pages: tuple[int, ...] = ()) -> StagedDocument:
    name = entry.document_id
    return StagedDocument(name, entry.turn, entry.version, "Rules", name, text, "hash", "text", list(pages))


def run(objects: MemoryObjects, registry: MemoryRegistry, pointer: MemoryPointer | None = None) -> ChunkResponse:
    use_case = ChunkDocument(objects, registry, pointer or MemoryPointer(LIVE), Chunker(32, 8))
    return use_case(WorkRequest(work=WORK, trace_id="e"))


def test_every_document_of_every_part_is_cut_and_registered(objects: MemoryObjects, registry: MemoryRegistry) -> None:
    staging = Staging(objects, WORK)
    staging.write_documents(0, [staged(taken(registry, "a")), staged(taken(registry, "b"))])
    staging.write_documents(1, [staged(taken(registry, "c"))])

    response = run(objects, registry)

    chunks = [chunk for batch in response.batches for chunk in staging.chunks(batch.batch)]
    assert [version.document_id for version in staging.versions()] == ["a", "b", "c"]
    assert response.chunks == len(chunks) == sum(version.chunks for version in staging.versions())
    for version in staging.versions():
        entry = registry.load(TENANT, [version.document_id])[version.document_id]
        own = [chunk for number in version.batches for chunk in staging.chunks(number)]
        own = [chunk for chunk in own if chunk.document_id == version.document_id]
        assert entry.versions == {version.version: len(own)}
        assert [chunk.chunk_id for chunk in own] == version.chunk_ids(TENANT)
        assert {(chunk.title, chunk.source, chunk.groups) for chunk in own} == {("Rules", version.document_id, ())}


def test_a_chunk_names_its_page(objects: MemoryObjects, registry: MemoryRegistry) -> None:
    text = "On page one.\n\nOn page two.\n\nOn page four."
    pages = (0, text.index("On page two"), text.index("On page four"), text.index("On page four"))
    Staging(objects, WORK).write_documents(0, [staged(taken(registry, "a"), text, pages)])

    run(objects, registry)

    chunks = Staging(objects, WORK).chunks(0)
    assert [(chunk.text, chunk.page) for chunk in chunks] == [
        ("On page one.", 1),
        ("On page two.", 2),
        ("On page four.", 4),
    ]


def test_a_document_whose_turn_is_over_is_left_out(objects: MemoryObjects, registry: MemoryRegistry) -> None:
    old, kept = taken(registry, "a"), taken(registry, "b")
    Staging(objects, WORK).write_documents(0, [staged(old), staged(kept)])
    taken(registry, "a", "second")

    run(objects, registry)

    assert [version.document_id for version in Staging(objects, WORK).versions()] == ["b"]
    assert not registry.load(TENANT, ["a"])["a"].versions


def test_each_batch_goes_to_every_collection(objects: MemoryObjects, registry: MemoryRegistry) -> None:
    pointer = MemoryPointer(LIVE)
    pointer.store(IndexPointer(LIVE, NEXT))
    Staging(objects, WORK).write_documents(0, [staged(taken(registry, "a"))])

    response = run(objects, registry, pointer)

    assert [(batch.batch, batch.target) for batch in response.batches] == [(0, LIVE), (0, NEXT)]


def test_what_an_earlier_attempt_staged_is_gone(objects: MemoryObjects, registry: MemoryRegistry) -> None:
    staging = Staging(objects, WORK)
    staging.write_chunks(7, [])
    staging.write_attributes(0, LIVE, {"a": "old"})
    staging.write_documents(0, [staged(taken(registry, "a"))])

    run(objects, registry)

    assert list(staging.batches()) == [0]
    assert staging.attributes(0, LIVE) is None


def test_more_batches_than_the_state_can_hold_are_refused(
    objects: MemoryObjects, registry: MemoryRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunking, "MAX_BATCHES", 2)
    monkeypatch.setattr(packing, "MAX_CHUNKS", 1)
    Staging(objects, WORK).write_documents(0, [staged(taken(registry, "a"))])

    with pytest.raises(UnreadableDocument, match="split"):
        run(objects, registry)


def chunks_of(texts: Iterator[str], tokens: int) -> Iterator[Chunk]:
    for ordinal, text in enumerate(texts):
        yield Chunk(f"{ordinal:032}", "d", "v", ordinal, "Title", "d", text, tokens, 0, len(text))


@pytest.mark.parametrize(
    ("texts", "tokens"),
    [
        ((f"text {n}" for n in range(2_500)), 10),
        ((f"text {n}" for n in range(900)), 990),
        (("x" * 50_000 for _ in range(300)), 5),
    ],
    ids=["many", "long in tokens", "long in bytes"],
)
def test_no_batch_is_too_much_for_a_request(texts: Iterator[str], tokens: int) -> None:
    batches: list[list[Chunk]] = []
    packer = Packer(lambda _, chunks: batches.append(list(chunks)))

    numbers = [packer.add(chunk) for chunk in chunks_of(texts, tokens)]
    packer.close()

    assert len(batches) == packer.batches > 2
    assert numbers == [number for number, batch in enumerate(batches) for _ in batch]
    for batch in batches:
        assert len(batch) <= packing.MAX_CHUNKS
        assert sum(map(most_tokens, batch)) <= packing.MAX_TOKENS
        assert sum(len(chunk.text) for chunk in batch) <= packing.MAX_BYTES
