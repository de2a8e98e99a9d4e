"""What is on its way: who counts, from when on it is stuck, and what of it the bucket holds."""

from rag.registration import Registration
from ragctl.retrying import on_their_way, on_their_way_line, stuck_before, with_sidecars
from tests.fakes.memory_objects import MemoryObjects
from tests.fakes.memory_registry import MemoryRegistry

NOON = "2026-11-22T12:00:00Z"
EARLIER = "2026-11-22T11:30:00Z"


def entry(name: str, **told: object) -> Registration:
    return Registration("acme", name, key=f"bulk/acme/{name}", status="indexing", updated_at=NOON, **told)  # type: ignore[arg-type]


def test_only_what_gets_on_is_on_its_way() -> None:
    documents, files = MemoryRegistry(), MemoryRegistry()
    documents.store(
        [
            entry("a.md"),
            Registration("acme", "old.md", key="k", status="indexing", updated_at=EARLIER),
            Registration("acme", "ready.md", key="k", status="ready", updated_at=NOON),
            Registration("acme", "waits for its document", status="pending", updated_at=NOON),
        ]
    )
    files.store([entry("c.jsonl")])

    assert on_their_way([documents, files], ["acme"], stuck_before(NOON, 900)) == 2


def test_one_and_many_are_told_in_words() -> None:
    assert on_their_way_line(1, 15).startswith("1 document is on its way; after 15 minutes")
    assert on_their_way_line(400, 1).startswith("400 documents are on their way; after 1 minute ")


def test_a_sidecar_goes_along_and_nothing_without_its_document() -> None:
    objects = MemoryObjects()
    for key in ("a.md", "a.md.metadata.json", "b.md", "gone.md.metadata.json"):
        objects.write(key, b"{}")

    found = with_sidecars(objects, ["a.md", "b.md", "gone.md"])

    assert {key: [info.key for info in infos] for key, infos in found.items()} == {
        "a.md": ["a.md", "a.md.metadata.json"],
        "b.md": ["b.md"],
        "gone.md": [],
    }
